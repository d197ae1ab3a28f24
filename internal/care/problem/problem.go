// Package problem holds what is known about a patient's health apart from
// values: conditions, allergies, vaccines and procedures.
//
// What was entered by mistake, or was refuted, is not shown.
//
// Spec: https://hl7.org/fhir/R4/condition.html, allergyintolerance.html,
// immunization.html, procedure.html
package problem

import "time"

// Kind sorts problems.
type Kind string

// The kinds.
const (
	Condition Kind = "condition"
	Allergy   Kind = "allergy"
	Vaccine   Kind = "vaccine"
	Procedure Kind = "procedure"
)

// Problem is one of them.
type Problem struct {
	ID        string
	Kind      Kind
	Code      string
	Name      string // as the record calls it
	Status    string // condition and allergy: clinical status; others: the resource's
	At        time.Time
	Ended     time.Time
	Detail    string
	Performer string
	Source    string
	Updated   time.Time
}

// Over says whether a condition or an allergy is a thing of the past.
func (p Problem) Over() bool {
	return p.Status == "resolved" || p.Status == "inactive" || p.Status == "remission" || !p.Ended.IsZero() && p.Kind == Condition
}

// Everyday returns the everyday name of a condition, vaccine or procedure,
// empty where the record's own name is the best there is. Patients read it
// first and the medical name after it.
func (p Problem) Everyday() string {
	if len(p.Code) <= 3 && p.Kind == Condition && p.Code != "I10" {
		return "" // short codes are CVX, and mean vaccines alone
	}
	return everyday[p.Code]
}

// EverydayNames returns every everyday name there is.
func EverydayNames() []string {
	list := make([]string, 0, len(everyday))
	for _, name := range everyday {
		list = append(list, name)
	}
	return list
}

// everyday names by SNOMED CT (conditions, procedures), ICD-10-CM and CVX
// (vaccines). Read only.
var everyday = map[string]string{
	"59621000": "High blood pressure", "38341003": "High blood pressure", "I10": "High blood pressure",
	"44054006": "Type 2 diabetes", "E11.9": "Type 2 diabetes", "15777000": "Prediabetes", "714628002": "Prediabetes",
	"46635009": "Type 1 diabetes", "162864005": "Obesity", "408512008": "Severe obesity",
	"55822004": "High cholesterol or blood fats", "370992007": "High cholesterol or blood fats", "302870006": "High triglycerides",
	"237602007": "Metabolic syndrome (a mix of risks for the heart)", "195967001": "Asthma", "233678006": "Childhood asthma",
	"271737000": "Low red blood cells (anemia)", "444814009": "Sinus infection", "40055000": "Long-lasting sinus infection",
	"36971009": "Sinus infection", "195662009": "Sore throat from a virus", "43878008": "Strep throat", "10509002": "Chest cold (bronchitis)",
	"65363002": "Ear infection", "72892002": "Pregnancy", "53741008": "Narrowed heart arteries", "22298006": "Heart attack",
	"88805009": "Heart failure", "49436004": "Irregular heartbeat (atrial fibrillation)", "230690007": "Stroke",
	"185086009": "Long-term lung disease (COPD)", "13645005": "Long-term lung disease (COPD)", "87433001": "Long-term lung disease (emphysema)",
	"396275006": "Worn joints (arthritis)", "239873007": "Worn knee joint (arthritis)", "201834006": "Worn hand joints (arthritis)",
	"239872002": "Worn hip joint (arthritis)", "64859006": "Thin bones (osteoporosis)", "433144002": "Kidney disease, stage 3",
	"431855005": "Kidney disease, stage 1", "431856006": "Kidney disease, stage 2", "127013003": "Kidney disease from diabetes",
	"422034002": "Eye disease from diabetes", "368581000119106": "Nerve pain from diabetes", "35489007": "Depression", "370143000": "Depression",
	"26929004": "Alzheimer’s disease", "69896004": "Rheumatoid arthritis", "363406005": "Colon cancer", "254837009": "Breast cancer",
	"126906006": "Prostate tumor", "68496003": "Growth in the bowel (polyp)", "75498004": "Acute bacterial sinus infection",
	"44465007": "Sprained ankle", "39848009": "Whiplash", "62106007": "Concussion", "58150001": "Broken collar bone", "65966004": "Broken forearm",
	"16114001": "Broken ankle", "33737001": "Broken rib", "192127007": "Attention deficit disorder (ADHD)", "82423001": "Long-lasting pain",
	"140": "Flu shot", "88": "Flu shot", "150": "Flu shot", "135": "Flu shot (high dose)", "141": "Flu shot", "158": "Flu shot", "115": "Tetanus and whooping cough shot (Tdap)",
	"113": "Tetanus shot (Td)", "139": "Tetanus shot (Td)", "09": "Tetanus shot (Td)", "33": "Pneumonia shot", "133": "Pneumonia shot", "215": "Pneumonia shot", "216": "Pneumonia shot", "121": "Shingles shot", "187": "Shingles shot",
	"43": "Hepatitis B shot", "08": "Hepatitis B shot", "52": "Hepatitis A shot", "83": "Hepatitis A shot", "62": "HPV shot", "165": "HPV shot",
	"114": "Meningitis shot", "03": "Measles, mumps and rubella shot", "21": "Chickenpox shot", "10": "Polio shot", "20": "Diphtheria, tetanus and whooping cough shot",
	"49": "Hib shot", "119": "Rotavirus drops", "207": "COVID-19 shot", "208": "COVID-19 shot", "212": "COVID-19 shot", "300": "COVID-19 shot", "309": "COVID-19 shot",
	"252779009": "Eye exam for diabetes", "92250": "Eye exam with pictures", "428191000124101": "Review of your medicines", "73761001": "Colonoscopy (look inside the bowel)",
	"24623002": "Mammogram", "71651007": "Mammogram", "430193006": "Review of your medicines", "274031008": "Removal of a polyp from the bowel",
	"399208008": "Chest X-ray", "76601001": "Shot into a muscle", "23426006": "Breathing test", "127783003": "Breathing test",
	"180256009": "Allergy shots", "395142003": "Allergy test", "269911007": "Test of phlegm", "117015009": "Throat swab",
	"415300000": "Review of systems", "90226004": "Pap test sample",
	"764146007": "Penicillin", "387406002": "Sulfa medicines", "762952008": "Peanuts", "111088007": "Latex",
}
