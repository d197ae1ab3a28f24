package town

// culture is a language with the names of the families who speak it.
type culture struct {
	lang, words string // BCP 47 and its English name
	share       int    // of 1000 households
	women, men  []string
	families    []string
	race        string // OMB code, or empty for several
	hispanic    bool
}

// cultures returns who lives in Riverside. The names are common ones, put
// together by chance.
func cultures() []culture {
	return []culture{
		{lang: "en", words: "English", share: 715, women: english.women, men: english.men, families: english.families},
		{lang: "es", words: "Spanish", share: 145, hispanic: true, race: "2106-3",
			women:    []string{"María", "Rosa", "Guadalupe", "Carmen", "Lucía", "Elena", "Ana", "Isabel", "Sofía", "Valentina", "Marisol", "Teresa", "Gabriela", "Ximena", "Pilar", "Beatriz"},
			men:      []string{"José", "Luis", "Carlos", "Miguel", "Jesús", "Antonio", "Mateo", "Diego", "Rafael", "Javier", "Andrés", "Emilio", "Óscar", "Tomás", "Raúl", "Héctor"},
			families: []string{"García", "Hernández", "Martínez", "López", "González", "Rodríguez", "Pérez", "Sánchez", "Ramírez", "Flores", "Rivera", "Núñez", "Ortiz", "Castillo", "Muñoz", "Vega", "Delgado", "Fuentes", "Peña", "Salinas"}},
		{lang: "vi", words: "Vietnamese", share: 62, race: "2028-9",
			women:    []string{"Thị Hoa", "Thị Mai", "Lan", "Hương", "Ngọc Anh", "Thùy Linh", "Phương", "Kim Chi", "Bích", "Thu Hà"},
			men:      []string{"Văn Minh", "Hùng", "Đức", "Quang", "Tuấn", "Hải", "Văn Long", "Khải", "Bảo", "Thành"},
			families: []string{"Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Hoàng", "Võ", "Đặng", "Bùi", "Đỗ"}},
		{lang: "zh", words: "Chinese", share: 22, race: "2028-9",
			women:    []string{"Mei", "Xiu Ying", "Li Hua", "Yan", "Fang", "Jing"},
			men:      []string{"Wei", "Jian", "Guo Qiang", "Hao", "Ming", "Jun"},
			families: []string{"Wang", "Li", "Zhang", "Liu", "Chen", "Huang", "Zhao", "Wu"}},
		{lang: "pl", words: "Polish", share: 20, race: "2106-3",
			women:    []string{"Agnieszka", "Małgorzata", "Katarzyna", "Zofia", "Halina", "Elżbieta"},
			men:      []string{"Piotr", "Krzysztof", "Paweł", "Stanisław", "Łukasz", "Zbigniew"},
			families: []string{"Kowalczyk", "Wójcik", "Zieliński", "Szymański", "Dąbrowski", "Wiśniewski", "Krawczyk"}},
		{lang: "ar", words: "Arabic", share: 16, race: "2106-3",
			women:    []string{"Fatima", "Layla", "Mariam", "Noor", "Huda", "Samira"},
			men:      []string{"Omar", "Yusuf", "Khalid", "Hassan", "Tariq", "Ibrahim"},
			families: []string{"Al-Khouri", "Haddad", "Mansour", "Nasser", "Saleh", "Farouk"}},
		{lang: "tl", words: "Tagalog", share: 12, race: "2028-9",
			women:    []string{"Marites", "Analyn", "Rosario", "Jocelyn", "Luzviminda"},
			men:      []string{"Rodrigo", "Ernesto", "Danilo", "Reynaldo", "Jomar"},
			families: []string{"Santos", "Reyes", "Bautista", "Dela Cruz", "Magsaysay", "Villanueva"}},
		{lang: "ht", words: "Haitian Creole", share: 8, race: "2054-5",
			women:    []string{"Marie-Ange", "Roseline", "Mirlande", "Fabiola"},
			men:      []string{"Jean-Baptiste", "Wilner", "Frantz", "Emmanuel"},
			families: []string{"Désir", "Pierre-Louis", "Toussaint", "Celestin"}},
	}
}

// english has the names of the largest culture.
var english = struct{ women, men, families []string }{
	women: []string{"Mary", "Patricia", "Linda", "Barbara", "Susan", "Karen", "Nancy", "Betty", "Dorothy", "Sandra", "Ashley", "Donna", "Emily", "Carol", "Michelle", "Amanda",
		"Melissa", "Deborah", "Stephanie", "Rebecca", "Laura", "Sharon", "Cynthia", "Kathleen", "Amy", "Shirley", "Angela", "Aaliyah", "Imani", "Keisha", "Latoya", "Ebony", "Grace",
		"Hannah", "Olivia", "Emma", "Ava", "Harper", "Nora", "Ruth", "Virginia", "Joyce", "Marjorie", "Tamika", "Denise"},
	men: []string{"James", "Robert", "John", "Michael", "David", "William", "Richard", "Joseph", "Thomas", "Charles", "Daniel", "Matthew", "Anthony", "Mark", "Donald", "Steven",
		"Andrew", "Paul", "Joshua", "Kenneth", "Kevin", "Brian", "George", "Timothy", "Ronald", "Jason", "Edward", "Jeffrey", "Ryan", "Jacob", "Darnell", "Terrence", "Malik", "Jamal",
		"Tyrone", "Walter", "Harold", "Noah", "Liam", "Ethan", "Henry", "Leroy", "Marcus", "Raymond"},
	families: []string{"Smith", "Johnson", "Williams", "Brown", "Jones", "Miller", "Davis", "Wilson", "Anderson", "Thomas", "Taylor", "Moore", "Jackson", "Martin", "Lee", "Thompson",
		"White", "Harris", "Clark", "Lewis", "Robinson", "Walker", "Young", "Allen", "King", "Wright", "Scott", "Hill", "Green", "Adams", "Baker", "Nelson", "Hall", "Campbell", "Mitchell",
		"Carter", "Roberts", "Phillips", "Evans", "Turner", "Parker", "Collins", "Edwards", "Stewart", "Morris", "Murphy", "Cook", "Rogers", "Morgan", "Peterson", "Cooper", "Reed", "Bailey",
		"Bell", "Kelly", "Howard", "Ward", "Cox", "Richardson", "Wood", "Watson", "Brooks", "Bennett", "Gray", "Price", "Hughes", "Myers", "Long", "Foster", "Sanders", "Ross", "Powell",
		"Sullivan", "Russell", "Jenkins", "Perry", "Butler", "Barnes", "Fisher", "Henderson", "Coleman", "Simmons", "Patterson", "Jordan", "Reynolds", "Hamilton", "Graham", "Kim", "Patel",
		"Okonkwo", "Washington", "Freeman", "Booker", "Larsen", "Novak", "O'Brien", "McDonough", "Fitzgerald", "Schmidt", "Van Dyke"},
}

// worst are people whose names break layouts, templates and sorting. They
// are all due for an eye exam, so that they turn up where it matters.
func worst() []person {
	return []person{
		{Resident: Resident{Given: "Hubert Blaine Maximilian Bartholomew", Family: "Wolfeschlegelsteinhausen-Bergerdorff-Villanueva", Sex: "male", Lang: "en", Age: 71}},
		{Resident: Resident{Given: "Siobhán", Family: "O'Connor-D'Angelo", Sex: "female", Lang: "en", Age: 58}},
		{Resident: Resident{Given: "عبد الرحمن", Family: "الخوري", Sex: "male", Lang: "ar", Age: 63}},
		{Resident: Resident{Given: "רבקה", Family: "לוי־בן דוד", Sex: "female", Lang: "he", Age: 69}},
		{Resident: Resident{Given: "芳", Family: "王", Sex: "female", Lang: "zh", Age: 55}},
		{Resident: Resident{Given: "Phước Bảo Thiên Kim Ngọc", Family: "Nguyễn", Sex: "female", Lang: "vi", Age: 61}},
		{Resident: Resident{Given: "Tenzin", Family: "", Sex: "male", Lang: "en", Age: 49}},
		{Resident: Resident{Given: "O", Family: "Ng", Sex: "female", Lang: "en", Age: 52}},
		{Resident: Resident{Given: "Dorothy", Family: "Null", Sex: "female", Lang: "en", Age: 77}},
		{Resident: Resident{Given: "Ann & Marie <Annie>", Family: "St. John “Jack” Smythe", Sex: "female", Lang: "en", Age: 66}},
		{Resident: Resident{Given: "Somchai", Family: "Srisuwannaphumipattanakulwongsawat", Sex: "male", Lang: "th", Age: 60}},
	}
}

// magic are the people whose telephone or mail box behaves in its own way in
// the demo: the carrier and the mail server know these addresses.
func magic() []person {
	list := []person{
		{Resident: Resident{Given: "Bertram", Family: "Vane", Phone: "+12025550190", Traits: NoService}},
		{Resident: Resident{Given: "Odessa", Family: "Pike", Phone: "+12025550191", Traits: NoService}},
		{Resident: Resident{Given: "Lionel", Family: "Marsh", Phone: "+12025550192"}},
		{Resident: Resident{Given: "Winifred", Family: "Stone", Phone: "+12025550193"}},
		{Resident: Resident{Given: "Clement", Family: "Ashby", Phone: "+12025550194", Traits: RepliesStop}},
		{Resident: Resident{Given: "Philippa", Family: "Moss", Phone: "+12025550195", Traits: NeverLooks}},
		{Resident: Resident{Given: "Gordon", Family: "Frost", Phone: "+12025550196", Traits: NoService}},
		{Resident: Resident{Given: "Augusta", Family: "Lamb", Phone: "+12025550197"}},
		{Resident: Resident{Given: "Esther", Family: "Quill", Email: "bounce.quill@mail.example.org", Traits: BouncingEmail}},
		{Resident: Resident{Given: "Percival", Family: "Dunn", Email: "slow.dunn@mail.example.org", Traits: SlowEmail}},
		{Resident: Resident{Given: "Mabel", Family: "Crane", Email: "vanish.crane@mail.example.org"}},
		{Resident: Resident{Given: "Hugo", Family: "Reed", Email: "full.reed@mail.example.org", Traits: BouncingEmail}},
		{Resident: Resident{Given: "Ottilie", Family: "Ferris", Email: "never.ferris@mail.example.org", Traits: NeverLooks}},
	}
	for i := range list {
		list[i].Lang, list[i].Age, list[i].Sex = "en", 52+i*2, "female"
		if i%2 == 0 && i != 8 && i != 10 && i != 12 || i == 9 || i == 11 {
			list[i].Sex = "male"
		}
	}
	return list
}
