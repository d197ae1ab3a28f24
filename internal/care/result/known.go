package result

import "strings"

// Known is what Hale knows about a kind of result: a plain name, a sentence
// on what it shows, and the usual range for adults.
type Known struct {
	Code  string
	Name  string
	About string
	Unit  string // the UCUM unit that the ranges are in
	Any   Band   // for every adult
	Women Band   // where the sexes differ
	Men   Band
}

// band returns the usual range for an adult of sex.
func (k Known) band(sex string) Band {
	switch {
	case k.Any.Is():
		return k.Any
	case sex == "female":
		return k.Women
	case sex == "male":
		return k.Men
	}
	return Band{}
}

// Lookup returns what is known about a LOINC code.
func Lookup(code string) (Known, bool) {
	k, ok := known[code]
	return k, ok
}

// All returns every kind of result that is known, in no order.
func All() []Known {
	all := make([]Known, 0, len(known))
	for _, k := range known {
		all = append(all, k)
	}
	return all
}

// sameUnit says whether two UCUM units are the same.
func sameUnit(a, b string) bool { return a == b || simple(a) == simple(b) }

// simple returns a unit without the spellings that mean the same.
func simple(u string) string {
	u = strings.ToLower(strings.TrimSpace(u))
	return strings.NewReplacer("mm[hg]", "mmhg", "{1.73_m2}", "", "/1.73m2", "", "min/", "min", "°c", "cel", "²", "2", "10^3", "10*3", "10^6", "10*6",
		"k/ul", "10*3/ul", "{beats}", "", "{breaths}", "", "µ", "u", " ", "").Replace(u)
}

// The usual ranges are those that laboratories in the United States print for
// adults (MedlinePlus Medical Encyclopedia; ABIM laboratory reference ranges,
// 2025). Read only.
var known = index([]Known{
	{"4548-4", "A1c (average blood sugar)", "This test shows your average blood sugar over about three months.", "%", To(5.6), Band{}, Band{}},
	{"2339-0", "Blood sugar (glucose)", "This test shows the sugar in your blood. The usual range is for a test before eating.", "mg/dL", Between(70, 99), Band{}, Band{}},
	{"2345-7", "Blood sugar (glucose)", "This test shows the sugar in your blood. The usual range is for a test before eating.", "mg/dL", Between(70, 99), Band{}, Band{}},
	{"1558-6", "Blood sugar before eating", "This test shows the sugar in your blood before you have eaten.", "mg/dL", Between(70, 99), Band{}, Band{}},
	{"2093-3", "Total cholesterol", "This test adds up the kinds of fat called cholesterol in your blood.", "mg/dL", To(200), Band{}, Band{}},
	{"18262-6", "LDL cholesterol", "LDL is the kind of cholesterol that can build up in blood vessels. Lower is better.", "mg/dL", To(100), Band{}, Band{}},
	{"13457-7", "LDL cholesterol", "LDL is the kind of cholesterol that can build up in blood vessels. Lower is better.", "mg/dL", To(100), Band{}, Band{}},
	{"2089-1", "LDL cholesterol", "LDL is the kind of cholesterol that can build up in blood vessels. Lower is better.", "mg/dL", To(100), Band{}, Band{}},
	{"2085-9", "HDL cholesterol", "HDL is the kind of cholesterol that helps clear the other kind away. Higher is better.", "mg/dL", Band{}, From(50), From(40)},
	{"2571-8", "Triglycerides", "This test shows a kind of fat that the body makes from food.", "mg/dL", To(150), Band{}, Band{}},
	{"38483-4", "Creatinine (kidney test)", "This test shows how well your kidneys clean your blood.", "mg/dL", Band{}, Between(0.5, 1.1), Between(0.7, 1.3)},
	{"2160-0", "Creatinine (kidney test)", "This test shows how well your kidneys clean your blood.", "mg/dL", Band{}, Between(0.5, 1.1), Between(0.7, 1.3)},
	{"33914-3", "Kidney function (eGFR)", "This number says how well your kidneys clean your blood. Higher is better.", "mL/min", From(60), Band{}, Band{}},
	{"98979-8", "Kidney function (eGFR)", "This number says how well your kidneys clean your blood. Higher is better.", "mL/min", From(60), Band{}, Band{}},
	{"62238-1", "Kidney function (eGFR)", "This number says how well your kidneys clean your blood. Higher is better.", "mL/min", From(60), Band{}, Band{}},
	{"6299-2", "Urea nitrogen (kidney test)", "This test shows a waste that your kidneys take out of your blood.", "mg/dL", Between(7, 20), Band{}, Band{}},
	{"3094-0", "Urea nitrogen (kidney test)", "This test shows a waste that your kidneys take out of your blood.", "mg/dL", Between(7, 20), Band{}, Band{}},
	{"9318-7", "Protein in urine (albumin)", "This test looks for small signs of kidney stress in your urine.", "mg/g", To(30), Band{}, Band{}},
	{"14959-1", "Protein in urine (albumin)", "This test looks for small signs of kidney stress in your urine.", "mg/g", To(30), Band{}, Band{}},
	{"2947-0", "Sodium", "Sodium is a salt that helps keep the water in your body in balance.", "mmol/L", Between(136, 145), Band{}, Band{}},
	{"2951-2", "Sodium", "Sodium is a salt that helps keep the water in your body in balance.", "mmol/L", Between(136, 145), Band{}, Band{}},
	{"6298-4", "Potassium", "Potassium is a salt that your heart and muscles need to work well.", "mmol/L", Between(3.5, 5.0), Band{}, Band{}},
	{"2823-3", "Potassium", "Potassium is a salt that your heart and muscles need to work well.", "mmol/L", Between(3.5, 5.0), Band{}, Band{}},
	{"2069-3", "Chloride", "Chloride is a salt that helps keep the water in your body in balance.", "mmol/L", Between(98, 106), Band{}, Band{}},
	{"2075-0", "Chloride", "Chloride is a salt that helps keep the water in your body in balance.", "mmol/L", Between(98, 106), Band{}, Band{}},
	{"20565-8", "Carbon dioxide in blood", "This test shows if the acids in your blood are in balance.", "mmol/L", Between(22, 29), Band{}, Band{}},
	{"2028-9", "Carbon dioxide in blood", "This test shows if the acids in your blood are in balance.", "mmol/L", Between(22, 29), Band{}, Band{}},
	{"49765-1", "Calcium", "Calcium keeps bones, muscles and nerves working.", "mg/dL", Between(8.6, 10.2), Band{}, Band{}},
	{"17861-6", "Calcium", "Calcium keeps bones, muscles and nerves working.", "mg/dL", Between(8.6, 10.2), Band{}, Band{}},
	{"718-7", "Hemoglobin", "Hemoglobin is the part of red blood cells that carries oxygen.", "g/dL", Band{}, Between(12, 16), Between(13.5, 17.5)},
	{"4544-3", "Hematocrit", "This is the share of your blood that is red blood cells.", "%", Band{}, Between(36, 47), Between(41, 51)},
	{"20570-8", "Hematocrit", "This is the share of your blood that is red blood cells.", "%", Band{}, Between(36, 47), Between(41, 51)},
	{"6690-2", "White blood cells", "White blood cells help your body fight germs.", "10*3/uL", Between(4, 11), Band{}, Band{}},
	{"789-8", "Red blood cells", "Red blood cells carry oxygen to all of your body.", "10*6/uL", Band{}, Between(4.0, 5.4), Between(4.5, 6.1)},
	{"777-3", "Platelets", "Platelets help your blood to clot when you have a cut.", "10*3/uL", Between(150, 450), Band{}, Band{}},
	{"787-2", "Size of red blood cells (MCV)", "This is the average size of your red blood cells.", "fL", Between(80, 100), Band{}, Band{}},
	{"785-6", "Hemoglobin in each cell (MCH)", "This is how much hemoglobin one red blood cell holds.", "pg", Between(27, 33), Band{}, Band{}},
	{"786-4", "Hemoglobin in cells (MCHC)", "This is how closely hemoglobin is packed in red blood cells.", "g/dL", Between(32, 36), Band{}, Band{}},
	{"21000-5", "Mix of red cell sizes (RDW)", "This shows how much your red blood cells differ in size.", "fL", Between(39, 46), Band{}, Band{}},
	{"32623-1", "Size of platelets", "This is the average size of your platelets.", "fL", Between(7.5, 12), Band{}, Band{}},
	{"32207-3", "Mix of platelet sizes", "This shows how much your platelets differ in size.", "fL", Band{}, Band{}, Band{}},
	{"2885-2", "Total protein in blood", "This test adds up the proteins in your blood.", "g/dL", Between(6, 8.3), Band{}, Band{}},
	{"1751-7", "Albumin", "Albumin is a protein that your liver makes.", "g/dL", Between(3.5, 5.0), Band{}, Band{}},
	{"10834-0", "Globulin", "Globulins are proteins. Some of them fight germs.", "g/L", Between(20, 35), Band{}, Band{}},
	{"1975-2", "Bilirubin (liver test)", "This test shows how your liver clears old red blood cells.", "mg/dL", Between(0.1, 1.2), Band{}, Band{}},
	{"6768-6", "ALP (liver and bone test)", "This test shows how your liver and bones are working.", "U/L", Between(44, 147), Band{}, Band{}},
	{"1742-6", "ALT (liver test)", "This test shows how your liver is doing.", "U/L", Between(4, 36), Band{}, Band{}},
	{"1920-8", "AST (liver test)", "This test shows how your liver is doing.", "U/L", Between(8, 33), Band{}, Band{}},
	{"3016-3", "Thyroid test (TSH)", "This test shows how your thyroid gland is working.", "m[IU]/L", Between(0.4, 4.0), Band{}, Band{}},
	{"1989-3", "Vitamin D", "Vitamin D helps keep your bones strong.", "ng/mL", Between(20, 50), Band{}, Band{}},
	{"33762-6", "Heart strain test (NT-proBNP)", "This test shows how hard your heart has to work.", "pg/mL", Band{}, Band{}, Band{}},
	{"85354-9", "Blood pressure", "Blood pressure is how hard your blood pushes as your heart pumps and rests.", "mm[Hg]", Band{}, Band{}, Band{}},
	{"55284-4", "Blood pressure", "Blood pressure is how hard your blood pushes as your heart pumps and rests.", "mm[Hg]", Band{}, Band{}, Band{}},
	{"8480-6", "Blood pressure, upper number", "The upper number is the push as your heart pumps.", "mm[Hg]", Between(90, 120), Band{}, Band{}},
	{"8462-4", "Blood pressure, lower number", "The lower number is the push as your heart rests.", "mm[Hg]", Between(60, 80), Band{}, Band{}},
	{"8867-4", "Heart rate", "This is how often your heart beats in a minute at rest.", "/min", Between(60, 100), Band{}, Band{}},
	{"9279-1", "Breaths per minute", "This is how often you breathe in a minute at rest.", "/min", Between(12, 20), Band{}, Band{}},
	{"59408-5", "Oxygen level", "This shows how much oxygen your blood carries.", "%", From(95), Band{}, Band{}},
	{"2708-6", "Oxygen level", "This shows how much oxygen your blood carries.", "%", From(95), Band{}, Band{}},
	{"8310-5", "Temperature", "This is how warm your body was.", "Cel", Between(36.1, 37.2), Band{}, Band{}},
	{"8331-1", "Temperature", "This is how warm your body was.", "Cel", Between(36.1, 37.2), Band{}, Band{}},
	{"39156-5", "Body mass index (BMI)", "BMI sets your weight beside your height. It is a rough guide only.", "kg/m2", Between(18.5, 24.9), Band{}, Band{}},
	{"29463-7", "Weight", "This is what you weighed at your visit.", "kg", Band{}, Band{}, Band{}},
	{"8302-2", "Height", "This is how tall you were at your visit.", "cm", Band{}, Band{}, Band{}},
	{"72514-3", "Pain, from 0 to 10", "This is how much pain you told us about. 0 is none and 10 is the worst.", "{score}", Band{}, Band{}, Band{}},
})

// index returns list by its codes.
func index(list []Known) map[string]Known {
	m := make(map[string]Known, len(list))
	for _, k := range list {
		m[k.Code] = k
	}
	return m
}
