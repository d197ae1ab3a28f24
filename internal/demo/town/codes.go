package town

// code is one concept in the words of its code systems.
type code struct {
	system, code, display string
	icd, icdDisplay       string // ICD-10-CM, for conditions
	text                  string
}

// Code systems.
const (
	snomed = "http://snomed.info/sct"
	loinc  = "http://loinc.org"
	rxnorm = "http://www.nlm.nih.gov/research/umls/rxnorm"
	cvx    = "http://hl7.org/fhir/sid/cvx"
	cpt    = "http://www.ama-assn.org/go/cpt"
)

// conditions of the town's people.
var (
	diabetes       = code{snomed, "44054006", "Diabetes mellitus type 2", "E11.9", "Type 2 diabetes mellitus without complications", "Type 2 diabetes"}
	hypertension   = code{snomed, "38341003", "Hypertensive disorder, systemic arterial", "I10", "Essential (primary) hypertension", "High blood pressure"}
	lipids         = code{snomed, "55822004", "Hyperlipidemia", "E78.5", "Hyperlipidemia, unspecified", "High cholesterol"}
	asthma         = code{snomed, "195967001", "Asthma", "J45.909", "Unspecified asthma, uncomplicated", "Asthma"}
	depression     = code{snomed, "35489007", "Depressive disorder", "F32.A", "Depression, unspecified", "Depression"}
	arthritis      = code{snomed, "239873007", "Osteoarthritis of knee", "M17.9", "Osteoarthritis of knee, unspecified", "Osteoarthritis of the knee"}
	reflux         = code{snomed, "235595009", "Gastroesophageal reflux disease", "K21.9", "Gastro-esophageal reflux disease without esophagitis", "Acid reflux"}
	hypothyroidism = code{snomed, "40930008", "Hypothyroidism", "E03.9", "Hypothyroidism, unspecified", "Underactive thyroid"}
	prediabetes    = code{snomed, "15777000", "Prediabetes", "R73.03", "Prediabetes", "Prediabetes"}
	cold           = code{snomed, "54150009", "Upper respiratory infection", "J06.9", "Acute upper respiratory infection, unspecified", "Cold"}
	backPain       = code{snomed, "279039007", "Low back pain", "M54.50", "Low back pain, unspecified", "Low back pain"}
	cystitis       = code{snomed, "68566005", "Urinary tract infectious disease", "N39.0", "Urinary tract infection, site not specified", "Urinary tract infection"}
	earache        = code{snomed, "65363002", "Otitis media", "H66.90", "Otitis media, unspecified, unspecified ear", "Ear infection"}
)

// kind is the type of an encounter.
type kind struct{ code, display, text string }

var (
	checkUp  = kind{"185349003", "Encounter for check up (procedure)", "Check-up"}
	followUp = kind{"390906007", "Follow-up encounter", "Follow-up visit"}
	symptom  = kind{"185345009", "Encounter for symptom", "Visit"}
)

// medicine is what a MedicationRequest asks for.
type medicine struct {
	code, display, text, dose string
	perDay                    int
}

var (
	metformin     = medicine{"861007", "metformin hydrochloride 500 MG Oral Tablet", "Metformin 500 mg tablet", "Take 1 tablet by mouth twice a day with meals", 2}
	glargine      = medicine{"311041", "insulin glargine 100 UNT/ML Injectable Solution", "Insulin glargine 100 units/mL", "Inject 14 units under the skin at bedtime", 1}
	lisinopril    = medicine{"314076", "lisinopril 10 MG Oral Tablet", "Lisinopril 10 mg tablet", "Take 1 tablet by mouth once a day", 1}
	amlodipine    = medicine{"197361", "amlodipine 5 MG Oral Tablet", "Amlodipine 5 mg tablet", "Take 1 tablet by mouth once a day", 1}
	atorvastatin  = medicine{"617310", "atorvastatin 20 MG Oral Tablet", "Atorvastatin 20 mg tablet", "Take 1 tablet by mouth in the evening", 1}
	albuterol     = medicine{"745679", "200 ACTUAT albuterol 0.09 MG/ACTUAT Metered Dose Inhaler", "Albuterol inhaler", "Inhale 2 puffs every 4 to 6 hours when needed", 4}
	sertraline    = medicine{"312941", "sertraline 50 MG Oral Tablet", "Sertraline 50 mg tablet", "Take 1 tablet by mouth once a day", 1}
	levothyroxine = medicine{"966222", "levothyroxine sodium 0.05 MG Oral Tablet", "Levothyroxine 50 mcg tablet", "Take 1 tablet by mouth once a day, on an empty stomach", 1}
	omeprazole    = medicine{"198051", "omeprazole 20 MG Delayed Release Oral Capsule", "Omeprazole 20 mg capsule", "Take 1 capsule by mouth before breakfast", 1}
	acetaminophen = medicine{"313782", "acetaminophen 325 MG Oral Tablet", "Acetaminophen 325 mg tablet", "Take 2 tablets by mouth every 6 hours when needed for pain", 4}
)

// test is one laboratory test or vital sign.
type test struct {
	code, display, text string
	unit, ucum          string
	low, high           float64 // the reference range; -1 for none
	places              int
}

var (
	a1c         = test{"4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "A1c (average blood sugar)", "%", "%", -1, 5.6, 1}
	glucose     = test{"2345-7", "Glucose [Mass/volume] in Serum or Plasma", "Glucose", "mg/dL", "mg/dL", 70, 99, 0}
	cholesterol = test{"2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "Total cholesterol", "mg/dL", "mg/dL", -1, 199, 0}
	ldl         = test{"13457-7", "Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation", "LDL cholesterol", "mg/dL", "mg/dL", -1, 99, 0}
	hdl         = test{"2085-9", "Cholesterol in HDL [Mass/volume] in Serum or Plasma", "HDL cholesterol", "mg/dL", "mg/dL", 40, -1, 0}
	trig        = test{"2571-8", "Triglyceride [Mass/volume] in Serum or Plasma", "Triglycerides", "mg/dL", "mg/dL", -1, 149, 0}
	creatinine  = test{"2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "Creatinine", "mg/dL", "mg/dL", 0.6, 1.3, 2}
	egfr        = test{"98979-8", "Glomerular filtration rate/1.73 sq M.predicted [Volume Rate/Area] in Serum, Plasma or Blood by Creatinine-based formula (CKD-EPI 2021)", "Kidney function (eGFR)", "mL/min/1.73 m2", "mL/min/{1.73_m2}", 60, -1, 0}
	tsh         = test{"3016-3", "Thyrotropin [Units/volume] in Serum or Plasma", "TSH (thyroid)", "mIU/L", "m[IU]/L", 0.4, 4.5, 2}
	hemoglobin  = test{"718-7", "Hemoglobin [Mass/volume] in Blood", "Hemoglobin", "g/dL", "g/dL", 12, 17.5, 1}

	weight    = test{"29463-7", "Body weight", "Weight", "kg", "kg", -1, -1, 1}
	height    = test{"8302-2", "Body height", "Height", "cm", "cm", -1, -1, 0}
	bmi       = test{"39156-5", "Body mass index (BMI) [Ratio]", "Body mass index", "kg/m2", "kg/m2", -1, -1, 1}
	heartRate = test{"8867-4", "Heart rate", "Pulse", "/min", "/min", -1, -1, 0}
)

// vaccine is what an Immunization gave.
type vaccine struct{ code, display, text string }

var (
	flu          = vaccine{"140", "Influenza, seasonal, injectable, preservative free", "Flu"}
	covid        = vaccine{"309", "COVID-19, mRNA, LNP-S, PF, 30 mcg/0.3 mL dose", "COVID-19"}
	tdap         = vaccine{"115", "Tdap", "Tetanus, diphtheria and whooping cough (Tdap)"}
	shingles     = vaccine{"187", "zoster recombinant", "Shingles"}
	pneumococcal = vaccine{"216", "Pneumococcal conjugate PCV20, polysaccharide CRM197 conjugate, adjuvant, PF", "Pneumonia (PCV20)"}
	mmr          = vaccine{"03", "MMR", "Measles, mumps and rubella"}
	dtap         = vaccine{"20", "DTaP", "Diphtheria, tetanus and whooping cough (DTaP)"}
	varicella    = vaccine{"21", "varicella", "Chickenpox"}
	hpv          = vaccine{"165", "HPV9", "HPV"}
)

// The procedures. An eye exam is found by either of its codes.
var (
	eyeExam     = code{snomed, "252779009", "Single bright white flash electroretinography", "92250", "Fundus photography with interpretation and report", "Diabetic eye exam"}
	mammography = code{snomed, "24623002", "Screening mammography", "77067", "Screening mammography, bilateral", "Screening mammogram"}
	colonoscopy = code{snomed, "73761001", "Colonoscopy", "45378", "Colonoscopy, flexible; diagnostic", "Colonoscopy"}
)
