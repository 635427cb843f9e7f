"""Turn the description of a code into something that reads more like a clinical note.

Descriptions are terse and complete; notes are not. A note names its principal diagnosis among
demographics, other illnesses of the patient, findings that were looked for and not there, and
treatment, and it abbreviates. Every generated text keeps one principal diagnosis, and everything
else in it is marked the way clinicians mark it (PMH, "no evidence of", "ruled out"), so that the
model learns what not to count.

Nothing here was derived from examples/notes.jsonl, and no figure measured on that file was used
to choose anything here.
"""

import random
import re

from conditions import CONDITIONS, Condition
from data import LABELS, Example

# Written long form -> the forms that clinicians write. Applied in one direction, at random.
ABBREVIATIONS = {
    "fracture": ("#", "fx"),
    "right": ("R", "rt"),
    "left": ("L", "lt"),
    "bilateral": ("bilat", "b/l"),
    "with": ("w/",),
    "without": ("w/o",),
    "history": ("hx",),
    "acute": ("ac.",),
    "chronic": ("chr.",),
    "myocardial infarction": ("MI",),
    "heart failure": ("HF", "CCF"),
    "hypertension": ("HTN",),
    "atrial fibrillation": ("AF", "afib"),
    "deep vein thrombosis": ("DVT",),
    "pulmonary embolism": ("PE",),
    "diabetes mellitus": ("DM",),
    "type 2 diabetes mellitus": ("T2DM",),
    "type 1 diabetes mellitus": ("T1DM",),
    "urinary tract infection": ("UTI",),
    "chronic kidney disease": ("CKD",),
    "chronic obstructive pulmonary disease": ("COPD",),
    "tuberculosis": ("TB",),
    "human immunodeficiency virus": ("HIV",),
    "multiple sclerosis": ("MS",),
    "gastro-esophageal reflux": ("GORD", "GERD"),
    "osteoarthritis": ("OA",),
    "rheumatoid arthritis": ("RA",),
    "carcinoma": ("ca",),
    "malignant neoplasm": ("cancer", "malignancy", "malignant tumour", "carcinoma"),
    "benign neoplasm": ("benign tumour",),
    "secondary malignant neoplasm": ("metastasis", "mets"),
    "anemia": ("anaemia",),
    "edema": ("oedema",),
    "hemorrhage": ("haemorrhage", "bleed"),
    "esophageal": ("oesophageal",),
    "newborn": ("neonate", "baby"),
    "disorder": ("problem",),
    "infection": ("infxn",),
}

# What fills the background of most notes, whatever the principal diagnosis is.
BACKGROUND = (
    "HTN", "hypertension", "T2DM", "type 2 diabetes", "COPD", "asthma", "AF", "IHD", "previous MI",
    "hypothyroidism", "CKD 3", "OA", "osteoarthritis", "depression", "anxiety", "GORD", "reflux",
    "high cholesterol", "gout", "migraine", "epilepsy", "breast cancer 2011", "previous TIA",
    "stroke 2018", "cataract surgery", "appendicectomy", "hip replacement", "hay fever", "eczema",
    "obesity", "iron deficiency", "osteoporosis", "prostate enlargement", "recurrent UTIs",
    "diverticulosis", "psoriasis", "glaucoma", "hernia repair", "hysterectomy", "mild dementia",
    "heart failure", "ex-smoker", "alcohol 20 units/wk", "sleep apnoea", "coeliac disease",
)

ABSENT = (
    "fever", "chest pain", "SOB", "headache", "vomiting", "weight loss", "rash", "neck stiffness",
    "focal neurology", "haemoptysis", "haematuria", "calf swelling", "abdo pain", "visual change",
    "palpitations", "diarrhoea", "joint swelling", "lymphadenopathy", "DVT", "PE", "pneumonia",
    "fracture", "infection", "malignancy", "stroke", "MI", "meningism", "bleeding", "jaundice",
    "ascites", "red flags", "suicidal thoughts", "allergies", "organomegaly", "cord compression",
)

OBSERVATIONS = (
    "obs stable", "T 36.8 °C", "T 38.4 °C", "BP 132/78", "BP 96/58", "HR 84", "HR 118 reg",
    "RR 16", "SpO2 97% RA", "GCS 15", "afebrile", "looks well", "CRP 4", "CRP 88", "WCC 14.2",
    "Hb 124", "Hb 92", "Na 138", "creat 84 µmol/L", "ECG SR", "CXR clear", "CT head NAD",
    "urine dip clear", "bloods unremarkable", "LFTs normal", "eGFR 62", "lactate 1.1", "BMI 27",
)

PLANS = (
    "Plan: review 2/52", "f/u OPD", "admit under medics", "d/c home with GP follow-up", "bloods + imaging",
    "refer to specialist", "safety-netted", "analgesia prn", "MDT discussion", "observe overnight",
    "IV access, fluids", "repeat bloods in 6 weeks", "discharged day 4", "leaflet given", "seen with consultant",
    "started treatment", "physio + OT", "surgery planned", "letter copied to patient", "continue current meds",
)

SETTINGS = (
    "Seen in ED.", "GP referral.", "Clinic letter.", "Dear Doctor,", "Dear colleague, thank you for seeing",
    "DISCHARGE SUMMARY", "Ward round.", "Triage:", "Admission note:", "Follow-up visit.", "OPD:", "A&E", "",
    "", "", "Reason for admission:", "Reviewed today.", "Telephone consultation.",
)

PRINCIPAL = (
    "Diagnosis: {}", "Dx: {}", "Dx {}", "Imp: {}", "Impression: {}", "Impression – {}", "Final diagnosis: {}",
    "Principal diagnosis: {}", "Primary dx: {}", "{}.", "found to have {}", "admitted with {}", "p/w {}",
    "c/w {}", "this is {}", "findings consistent with {}", "referred with {}", "Conclusion: {}", "confirmed {}",
    "treated for {}", "main problem: {}", "presents with {}", "{} confirmed on imaging", "likely {}",
)

# Chapters that speak of only some patients, or that clinicians introduce in their own way.
PREGNANCY, PERINATAL, CONGENITAL, SYMPTOM, INJURY, EXTERNAL, CONTACT = 14, 15, 16, 17, 18, 19, 20

PRINCIPAL_OF_CHAPTER = {
    SYMPTOM: (
        "{} – no cause found", "{}, unexplained", "{} ?cause, work-up negative", "c/o {}, investigations normal",
        "{} of uncertain origin, no diagnosis made", "incidental {}, asymptomatic", "{} for investigation",
    ),
    EXTERNAL: (
        "Mechanism: {}", "Circumstances: {}", "{}, no injury found", "cause of event: {}", "incident report: {}",
        "how it happened: {}", "{} – examined, unharmed",
    ),
    CONTACT: (
        "attends for {}", "Reason for visit: {}", "{}, no complaints", "here for {}", "{} – asymptomatic, well",
        "appointment for {}", "{}. No active disease",
    ),
}

MECHANISMS = (
    "fell off a ladder", "tripped on the stairs", "RTC", "car vs lamp post", "fall from bike", "playing football",
    "assaulted", "mechanical fall", "dropped a box", "at work", "slipped on ice", "dog walking", "by accident at home",
)

FILLER_WORDS = re.compile(
    r",? (unspecified|initial encounter|subsequent encounter|sequela|in diseases classified elsewhere)\b|^Other specified |^Unspecified |^Other ",
    re.IGNORECASE,
)


def make_note(example: Example, others: list[Example], rng: random.Random) -> str:
    """A note whose principal diagnosis is `example`; `others` supply the background."""
    return _compose(example.label, _clinical_wording(example.text, rng), [], others, rng)


def make_vignette(others: list[Example], rng: random.Random) -> tuple[str, int]:
    """A note built on a common condition: its findings and treatment, often without its name."""
    label = rng.randrange(len(LABELS))
    condition = rng.choice(CONDITIONS[label])
    facts = _facts(condition, rng)
    # Where the name is left out, at least two facts must be there to know the condition by.
    name = rng.choice(condition.names)
    if len(facts) >= 2 and rng.random() < 0.3:
        name = ""
    return _compose(label, name, facts, others, rng), label


def _facts(condition: Condition, rng: random.Random) -> list[str]:
    findings = list(condition.findings)
    treatments = list(condition.treatments)
    rng.shuffle(findings)
    rng.shuffle(treatments)
    return findings[: rng.randint(1, 3)] + treatments[: rng.randint(0, 2)]


def _compose(
    label: int, principal: str, facts: list[str], others: list[Example], rng: random.Random
) -> str:
    """Put the pieces in the order of a note, leaving some out."""
    pieces: list[str] = []
    if rng.random() < 0.8:
        pieces.append(" ".join(filter(None, (rng.choice(SETTINGS), _demographics(label, rng)))))
    if label == INJURY and rng.random() < 0.4:
        pieces.append(rng.choice(MECHANISMS))
    middle = list(facts)
    if principal:
        templates = PRINCIPAL
        if label in PRINCIPAL_OF_CHAPTER and rng.random() < 0.6:
            templates = PRINCIPAL_OF_CHAPTER[label]
        middle.insert(rng.randint(0, len(middle)), rng.choice(templates).format(principal))
    if rng.random() < 0.6:
        middle.insert(rng.randint(0, len(middle)), _background(others, rng))
    if rng.random() < 0.5:
        middle.insert(rng.randint(0, len(middle)), _negative(rng))
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        middle.insert(rng.randint(0, len(middle)), rng.choice(OBSERVATIONS))
    pieces += middle
    if rng.random() < 0.5:
        pieces.append(rng.choice(PLANS))
    return _typos(_join(pieces, rng), rng)


def _demographics(label: int, rng: random.Random) -> str:
    if label == PERINATAL:
        return rng.choice(
            ("newborn", "term baby, day 2", "neonate 31+4", "baby girl, 3 h old", "NICU, preterm twin", "infant 39/40, bw 3.1 kg", "baby boy born by LSCS")
        )
    if label == PREGNANCY:
        weeks = rng.randint(6, 41)
        return rng.choice(("G2P1 at {}/40", "{} weeks pregnant", "primip {}+3", "woman at {} weeks gestation", "{} y/o, postpartum day 3")).format(weeks)
    age = rng.randint(0, 17) if label == CONGENITAL and rng.random() < 0.7 else rng.randint(2, 94)
    years = rng.choice(("{} y/o", "{}yo", "{}-year-old", "{} yr old", "aged {}", "{}")).format(age)
    return f"{years} {rng.choice(('M', 'F', 'male', 'female', 'man', 'woman', 'patient', 'lady'))}"


def _background(others: list[Example], rng: random.Random) -> str:
    items = rng.sample(BACKGROUND, rng.randint(1, 3))
    if rng.random() < 0.3:
        # Now and then a rarer illness in the background, so that its name alone decides nothing.
        other = rng.choice(others).text
        if len(other.split()) <= 5:
            items[0] = other
    return rng.choice(("PMH {}", "PMH: {}", "Background: {}", "hx of {}", "known {}", "Past history: {}", "on treatment for {}")).format(", ".join(items))


def _negative(rng: random.Random) -> str:
    items = rng.sample(ABSENT, rng.randint(1, 3))
    return rng.choice(("no {}", "No {}", "denies {}", "nil {}", "no evidence of {}", "{} ruled out", "no sign of {}", "negative for {}")).format(
        rng.choice((", ", " or ", "/")).join(items)
    )


def _clinical_wording(text: str, rng: random.Random) -> str:
    text = FILLER_WORDS.sub("", text) or text
    # Longest first, so that "type 2 diabetes mellitus" is tried before "diabetes mellitus".
    for long in sorted(ABBREVIATIONS, key=len, reverse=True):
        if rng.random() < 0.4:
            text = re.sub(rf"\b{long}\b", rng.choice(ABBREVIATIONS[long]), text, flags=re.IGNORECASE)
    return text


def _join(pieces: list[str], rng: random.Random) -> str:
    separator = rng.choice((". ", ". ", ". ", "; ", ", ", "\n", " - "))
    return separator.join(piece for piece in pieces if piece)


def _typos(text: str, rng: random.Random) -> str:
    """Swap two letters in one word of every fourth note: typed in a hurry."""
    if rng.random() > 0.25 or len(text) < 12:
        return text
    at = rng.randrange(len(text) - 1)
    if not text[at : at + 2].isalpha():
        return text
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
