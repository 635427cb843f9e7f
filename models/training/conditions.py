"""Common conditions of each chapter: how clinicians name them, find them and treat them.

The tabular list says what conditions are called, never what they look like. This table adds that,
from general clinical knowledge, fourteen to eighteen lines a chapter. It was written without
looking at which single notes of examples/notes.jsonl a model gets right.

One line a condition: names | findings | treatments and next steps; the items of each are
separated by semicolons.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Condition:
    """One condition; each tuple holds alternatives or facts of which a note takes some."""

    names: tuple[str, ...]
    findings: tuple[str, ...]
    treatments: tuple[str, ...]


_TABLE = """
# 01 infectious and parasitic
sepsis; septicaemia; urosepsis with bacteraemia; septic shock | hypotensive and tachycardic, lactate 4.2; blood cultures positive; rigors, T 39.6; mottled skin | broad-spectrum IV antibiotics; vasopressors on ICU; sepsis six
pulmonary tuberculosis; TB | night sweats, weight loss, haemoptysis; AFB smear positive; upper lobe cavity; IGRA positive | RIPE therapy started; contact tracing
gastroenteritis; norovirus; infectious diarrhoea | D&V for 2 days; family members ill too; stool culture campylobacter | oral rehydration; isolate
C. difficile colitis; CDI | diarrhoea after antibiotics; toxin positive stool | oral vancomycin; fidaxomicin
malaria; falciparum malaria | cyclical fever after travel to Ghana; parasites on blood film; RDT positive | artesunate IV; artemether-lumefantrine
HIV infection; AIDS | CD4 180; viral load 90,000; oral candida; PJP | ART started; cotrimoxazole prophylaxis
herpes zoster; shingles; zoster | vesicles in a dermatomal band; burning pain before the rash | aciclovir; valaciclovir within 72 h
infectious mononucleosis; glandular fever; EBV | sore throat, cervical nodes, fatigue; monospot positive; atypical lymphocytes | supportive; avoid contact sport
chronic hepatitis C; acute hepatitis B; viral hepatitis | HBsAg positive; HCV RNA detected; jaundice after unsafe injection | sofosbuvir/velpatasvir; entecavir
Lyme disease; erythema migrans | expanding target rash after a tick bite | doxycycline 21 days
scabies; head lice | intense itch at night, burrows in finger webs; partner itching too | permethrin cream; wash bedding
chickenpox; measles; viral exanthem | vesicles in crops, child; Koplik spots; unvaccinated contact | calamine; notify public health
syphilis; gonorrhoea; chlamydia; genital herpes | NAAT positive; painless chancre; urethral discharge; RPR 1:64 | benzathine penicillin; partner notification; ceftriaxone IM
candidiasis; thrush; oral thrush; ringworm; tinea | white plaques; fungal hyphae; itchy annular scaly patch | fluconazole; clotrimazole
enteric fever; typhoid; dengue; leptospirosis | returned traveller with fever; NS1 antigen positive; retro-orbital pain; low platelets | azithromycin; fluids; public health informed
bacteraemia; MRSA infection; staph aureus infection | gram-positive cocci in both bottles | line removed; vancomycin
hand, foot and mouth disease; molluscum; viral warts | umbilicated papules; spots on palms and soles | reassured
threadworms; giardiasis; hookworm; toxoplasmosis | ova in stool; perianal itch at night; bloating after travel | mebendazole; metronidazole
# 02 neoplasms
breast cancer; ca breast; invasive ductal carcinoma | hard irregular lump; core biopsy malignant; ER positive HER2 negative; spiculated mass on mammogram | mastectomy; tamoxifen; adjuvant chemo; sentinel node biopsy
lung cancer; NSCLC; small cell lung cancer; bronchogenic carcinoma | spiculated nodule with hilar nodes; biopsy adenocarcinoma; haemoptysis and weight loss, heavy smoker; EGFR mutation | pembrolizumab; lobectomy; radiotherapy
colorectal cancer; ca colon; rectal adenocarcinoma | circumferential mass at colonoscopy; CEA raised; liver metastases | hemicolectomy; FOLFOX
prostate cancer; ca prostate | PSA 48; Gleason 4+3; bone scan hot spots | androgen deprivation; goserelin; prostatectomy
pancreatic cancer; cholangiocarcinoma; hepatocellular carcinoma | painless jaundice and weight loss; mass with double duct sign; AFP raised; CA 19-9 raised | Whipple; palliative chemotherapy; TACE
melanoma; basal cell carcinoma; squamous cell carcinoma of skin | changing mole; Breslow 0.9 mm; pearly nodule with rolled edge; atypical melanocytes in dermis | wide local excision; Mohs surgery
lymphoma; Hodgkin lymphoma; diffuse large B-cell lymphoma | node biopsy Reed-Sternberg cells; B symptoms; PET avid nodes | R-CHOP; ABVD
acute myeloid leukaemia; CLL; ALL; CML | blasts 60 % in marrow; smudge cells; BCR-ABL positive; lymphocytosis with clonal B cells | induction chemotherapy; imatinib; ibrutinib
multiple myeloma; plasma cell myeloma | paraprotein band; lytic lesions; marrow plasma cells 40 % | bortezomib; stem cell transplant
glioblastoma; meningioma; brain tumour; brain metastases | ring-enhancing mass with oedema; new headache and personality change | craniotomy and debulking; temozolomide; dexamethasone
bladder cancer; renal cell carcinoma; TCC | painless haematuria; papillary growth at cystoscopy; enhancing renal mass | TURBT; BCG; nephrectomy
ovarian cancer; endometrial cancer; cervical cancer; CIN 3 | CA-125 raised, pelvic mass with ascites; postmenopausal bleed, biopsy adenocarcinoma | hysterectomy and BSO; carboplatin; LLETZ
lipoma; fibroadenoma; colonic polyp; tubular adenoma; benign tumour | soft mobile lump; polyp 8 mm removed, low-grade dysplasia | excised; no follow-up needed
uterine fibroids; leiomyoma of uterus | bulky uterus, heavy periods; 6 cm intramural mass on US | myomectomy; embolisation
metastatic disease; bone metastases; carcinomatosis; malignant pleural effusion | multiple liver lesions of unknown primary; malignant cells on cytology | palliative care; biopsy
thyroid cancer; gastric cancer; oesophageal cancer; laryngeal carcinoma | papillary carcinoma on FNA; progressive dysphagia, ulcerated stricture; hoarse smoker with vocal cord mass | thyroidectomy; staging CT; neoadjuvant chemo
haemangioma; pituitary adenoma; vestibular schwannoma; neurofibroma | bitemporal field defect with sellar mass; enhancing lesion in internal auditory canal | watch and scan; transsphenoidal surgery
# 03 blood and immune
iron deficiency anaemia; IDA; iron deficiency anemia | ferritin 5, MCV 68; koilonychia; microcytic hypochromic film; Hb 71 | ferrous sulfate; iron infusion; transfusion
B12 deficiency anaemia; pernicious anaemia; folate deficiency anaemia; megaloblastic anaemia | MCV 118; intrinsic factor antibodies; hypersegmented neutrophils | hydroxocobalamin injections; folic acid
sickle cell crisis; sickle cell disease; acute chest syndrome in HbSS | painful crisis in back and limbs; HbS 85 %; African-Caribbean heritage | opioids and hydration; hydroxycarbamide; exchange transfusion
beta thalassaemia; thalassaemia trait | HbA2 raised; microcytosis with normal ferritin | chelation; regular transfusion; genetic counselling
immune thrombocytopenia; ITP; thrombocytopenia | petechiae and purpura; platelets 8; bruises easily | IVIG; steroids; eltrombopag
haemophilia A; von Willebrand disease; factor VIII deficiency | haemarthrosis, APTT prolonged; bleeding after dental extraction, factor VIII 2 % | factor concentrate; desmopressin
DIC; TTP; HUS | schistocytes on film, low platelets; ADAMTS13 < 5 %; fibrinogen low | plasma exchange; FFP
neutropenia; febrile neutropenia; agranulocytosis | neutrophils 0.2; on clozapine; day 9 of chemo | G-CSF; stop the drug
pancytopenia; aplastic anaemia | hypocellular marrow; all three lines low | ATG and ciclosporin
haemolytic anaemia; AIHA; hereditary spherocytosis; G6PD deficiency | DAT positive, haptoglobin low, LDH raised; dark urine after fava beans; spherocytes | prednisolone; splenectomy; folic acid
sarcoidosis | bilateral hilar lymphadenopathy; non-caseating granulomas; raised ACE | observe; prednisolone
common variable immunodeficiency; hypogammaglobulinaemia; SCID | recurrent chest infections with low IgG | immunoglobulin replacement
anaemia of chronic disease; anaemia in CKD; anaemia | Hb 88 normocytic, ferritin 310; | erythropoietin; monitor
thrombophilia; antiphospholipid syndrome; factor V Leiden; protein C deficiency | lupus anticoagulant positive; heterozygous mutation | anticoagulation advice
splenic infarct; hypersplenism; asplenia; polycythaemia secondary; eosinophilia; leucocytosis | spleen 19 cm; Hct 0.58; eosinophils 3.2 | haematology review; venesection
methaemoglobinaemia; haemophagocytic lymphohistiocytosis; MGUS-like gammopathy | ferritin 30,000, fever, cytopenias; cyanosed, normal pO2, chocolate blood | methylene blue; etoposide
# 04 endocrine nutritional metabolic
type 2 diabetes; T2DM; type 2 diabetes mellitus poor control | HbA1c 94 mmol/mol; polyuria and polydipsia; glucose 22 | metformin uptitrated; SGLT2 inhibitor; diabetic nurse
type 1 diabetes; T1DM; diabetic ketoacidosis; DKA | ketones 5.6, pH 7.1; thirst, weight loss and vomiting; anti-GAD positive; Kussmaul breathing | fixed-rate insulin; basal bolus; insulin pump
hypoglycaemia; severe hypo in diabetic | capillary glucose 1.9, drowsy, on gliclazide; recovered with dextrose | glucagon; dose reduced
hypothyroidism; myxoedema; Hashimoto's thyroiditis | TSH 42, fT4 5; cold intolerance, weight gain, slow reflexes; TPO antibodies | levothyroxine; repeat TFTs
thyrotoxicosis; Graves' disease; hyperthyroidism; toxic nodular goitre | tremor, heat intolerance, weight loss; TSH < 0.01; TRAb positive; diffuse goitre | carbimazole; radioiodine; propranolol
Addison's disease; adrenal insufficiency; Cushing's syndrome | pigmented, Na 124, K 5.9; short synacthen fails; moon face, striae, unsuppressed cortisol | hydrocortisone; sick-day rules
hyponatraemia; SIADH; hypernatraemia; hypokalaemia; hyperkalaemia | Na 116; K 2.4; K 6.9; serum osmolality low, urine concentrated | fluid restriction; slow correction; calcium gluconate and insulin-dextrose
dehydration; hypovolaemia; metabolic acidosis | dry mucous membranes, poor intake; bicarbonate 12 | IV fluids
hypercholesterolaemia; familial hypercholesterolaemia; hyperlipidaemia; mixed dyslipidaemia | LDL 6.8; tendon xanthomata; triglycerides 14 | atorvastatin; ezetimibe; lipid clinic
obesity; morbid obesity; BMI 44 | weight 138 kg; failed diets | bariatric referral; semaglutide
malnutrition; vitamin D deficiency; scurvy; thiamine deficiency; failure of nutrition | BMI 15, albumin 22; vitamin D 12; poor diet, corkscrew hairs | dietitian; cholecalciferol; refeeding bloods
hyperparathyroidism; hypoparathyroidism; hypercalcaemia; hypocalcaemia | calcium 3.1 with PTH raised; tetany, Chvostek; sestamibi hot spot | parathyroidectomy; IV fluids and zoledronate; alfacalcidol
diabetic foot ulcer; diabetic nephropathy; diabetic neuropathy; diabetic retinopathy | neuropathic ulcer under metatarsal head; glove and stocking loss in diabetic; maculopathy with HbA1c 90 | podiatry; tight control
acromegaly; prolactinoma effects; diabetes insipidus; hypopituitarism; PCOS | large hands, IGF-1 raised; polyuria 9 L/day with dilute urine; hirsutism, oligomenorrhoea, polycystic ovaries | octreotide; desmopressin
haemochromatosis; Wilson's disease; porphyria; phenylketonuria; cystic fibrosis; amyloidosis | transferrin saturation 88 %, C282Y; Kayser-Fleischer rings; sweat chloride 96 | venesection; penicillamine; low-phenylalanine diet; CFTR modulator
thyroid nodule; multinodular goitre; thyroiditis | smooth lump moving on swallowing, euthyroid | ultrasound and FNA
# 05 mental
depression; major depressive disorder; moderate depressive episode; MDD recurrent | low mood, anhedonia, early waking; PHQ-9 21; guilt, hopelessness; poor appetite and concentration | sertraline; CBT referral; crisis team; ECT
generalised anxiety disorder; GAD; panic disorder; panic attacks | worry most days, GAD-7 17; sudden palpitations and fear of dying in crowds | SSRI; talking therapy
bipolar disorder; mania; manic episode; hypomania | pressured speech, grandiose, sleepless; spending sprees | lithium; olanzapine; detained under Mental Health Act
schizophrenia; first-episode psychosis; paranoid psychosis; schizoaffective disorder | hearing voices commenting; thought insertion; believes neighbours poison the water | clozapine; depot; early intervention team
alcohol dependence; alcohol withdrawal; delirium tremens; alcohol intoxication | CIWA 24, tremor and sweats; two bottles of spirits a day; visual hallucinations 2 days after stopping | chlordiazepoxide; thiamine; detox
opioid use disorder; opioid dependence; cocaine misuse; cannabis use; nicotine dependence | injects heroin daily; UDS positive; withdrawal: yawning, gooseflesh | methadone; buprenorphine; keyworker
PTSD; post-traumatic stress disorder; adjustment disorder; acute stress reaction | flashbacks and nightmares since the attack; hypervigilant, avoids | EMDR; trauma therapy
OCD; obsessive-compulsive disorder | washes hands 60 times a day; intrusive thoughts, checks locks | exposure and response prevention
anorexia nervosa; bulimia; eating disorder | BMI 14, fear of weight gain; vomits after binges | refeeding; eating disorder unit
ADHD; attention deficit disorder; autism; autism spectrum disorder; Asperger's | inattentive and fidgety at school; poor eye contact, rigid routines; Conners scale | methylphenidate; educational plan
dementia; vascular dementia; dementia with behavioural disturbance | MMSE 16, wandering; carer strain; agitation in evenings | memory clinic; day centre
delirium; acute confusional state | fluctuating attention post-op; 4AT 8; plucking at sheets | orientate; treat cause; low-dose haloperidol
borderline personality disorder; emotionally unstable personality disorder; antisocial personality | chronic emptiness, unstable relationships; impulsive | DBT
insomnia non-organic; somatisation disorder; conversion disorder; functional disorder; hypochondriasis | multiple normal tests, preoccupied with illness; non-epileptic attacks after stress | psychology
learning disability; intellectual disability; developmental delay of speech; dyslexia; stammer; conduct disorder | IQ 58; not combining words at 3; fights at school | SALT; special school
postnatal depression; puerperal psychosis; gender dysphoria; gambling disorder | tearful, not bonding with baby | perinatal mental health team
# 06 nervous
epilepsy; seizure disorder; status epilepticus; breakthrough seizures; juvenile myoclonic epilepsy | generalised tonic-clonic with tongue bite; post-ictal; EEG 3 Hz spike-wave; missed tablets | levetiracetam; lamotrigine; valproate; no driving
migraine; migraine with aura; cluster headache; tension headache | unilateral throbbing with photophobia; zigzag lines before; excruciating orbital pain with tearing | sumatriptan; propranolol; high-flow oxygen
TIA; transient ischaemic attack; amaurosis-type TIA | arm weakness lasting 15 minutes, fully resolved; DWI negative; facial droop gone in half an hour | clopidogrel; TIA clinic; carotid doppler
Parkinson's disease; PD; parkinsonism | pill-rolling tremor, bradykinesia, shuffling; cogwheel rigidity; DaTscan abnormal | co-careldopa; PD nurse
multiple sclerosis; MS relapse; demyelination; optic neuromyelitis | periventricular plaques; oligoclonal bands; Lhermitte sign; numb legs | methylprednisolone; natalizumab; dimethyl fumarate
Alzheimer's disease; Lewy body disease; frontotemporal degeneration | hippocampal atrophy; progressive amnesia; visual hallucinations with parkinsonism | donepezil; memantine
meningitis; bacterial meningitis; encephalitis; brain abscess | neck stiffness, photophobia; CSF neutrophils 1200, low glucose; temporal lobe signal | ceftriaxone and dexamethasone; aciclovir
Guillain-Barré syndrome; GBS; CIDP | ascending weakness, areflexia after diarrhoea; CSF protein raised without cells | IVIG; FVC monitoring
myasthenia gravis; Lambert-Eaton | fatigable ptosis and diplopia; AChR antibodies | pyridostigmine; thymectomy
carpal tunnel syndrome; ulnar neuropathy; meralgia paraesthetica; foot drop from peroneal palsy | tingling of thumb to ring finger at night, Tinel positive; thenar wasting; nerve conduction slowed | wrist splint; decompression
Bell's palsy; trigeminal neuralgia; facial nerve palsy | lower motor neurone face weakness including forehead; lancinating cheek pain on chewing | prednisolone and eye care; carbamazepine
motor neurone disease; ALS; Huntington's disease; cerebral palsy; muscular dystrophy | wasting with fasciculation and brisk reflexes; chorea, CAG repeats; Gowers sign | riluzole; PEG; neurophysio
obstructive sleep apnoea; narcolepsy; restless legs; insomnia | AHI 42; daytime sleepiness; cataplexy; witnessed apnoeas | CPAP; modafinil
peripheral neuropathy; polyneuropathy; small fibre neuropathy | stocking sensory loss; reduced vibration, absent ankle jerks | gabapentin; duloxetine
hydrocephalus; idiopathic intracranial hypertension; syringomyelia; spinal cord compression | papilloedema, LP opening pressure 36; gait apraxia and incontinence with big ventricles | shunt; acetazolamide
paraplegia; hemiplegia; essential tremor; dystonia; ataxia; neuralgia | spastic legs; postural tremor better with alcohol | botulinum toxin; propranolol
# 07 eye
cataract; bilateral cataracts; nuclear sclerosis | gradual blur with glare; lens opacity; VA 6/24 | phaco + IOL; listed for surgery
glaucoma; POAG; acute angle closure; ocular hypertension | IOP 34; cupped disc 0.8; arcuate field loss; haloes, red eye, hazy cornea | latanoprost; timolol; laser iridotomy; trabeculectomy
retinal detachment; retinal tear; posterior vitreous detachment | floaters and flashes, curtain; horseshoe tear; tobacco dust | vitrectomy; laser retinopexy
age-related macular degeneration; wet AMD; macular oedema | central distortion on Amsler; drusen; subretinal fluid on OCT | anti-VEGF injection; aflibercept
conjunctivitis; allergic conjunctivitis; bacterial conjunctivitis | sticky red eyes, lids stuck in morning; itchy watery eyes | chloramphenicol drops; olopatadine
keratitis; corneal ulcer; dry eye; pterygium | contact lens wearer, fluorescein uptake; dendrite; hypopyon | hourly ofloxacin; ganciclovir gel
uveitis; iritis; scleritis; episcleritis | photophobia, cells and flare in AC; keratic precipitates; deep boring eye ache | prednisolone acetate drops; cyclopentolate
blepharitis; chalazion; stye; ptosis of eyelid; ectropion; dacryocystitis | crusty lid margins; lump in upper lid; watering eye | warm compresses; lid hygiene; incision and curettage
central retinal vein occlusion; CRAO; retinal artery occlusion; diabetic-like retinopathy | sudden painless loss of vision, cherry red spot; flame haemorrhages in all quadrants | intravitreal; urgent ophthalmology
optic neuritis; papilloedema; optic atrophy | pain on eye movement, RAPD, colour desaturation | neuro-ophthalmology
strabismus; squint; amblyopia; nystagmus; diplopia | esotropia on cover test; lazy eye in child | patching; orthoptist
myopia; presbyopia; astigmatism; hypermetropia | −4.50 D; holds newspaper far away | spectacles
orbital cellulitis; periorbital inflammation; exophthalmos; keratoconus | proptosis, painful eye movement; corneal thinning | IV antibiotics and CT orbits; cross-linking
vitreous haemorrhage; subconjunctival haemorrhage; endophthalmitis after cataract surgery | bright red patch on white of eye; dark blobs in vision | reassured; vitreous tap
blindness; low vision; visual field defect; night blindness | registered sight impaired; retinitis pigmentosa, tunnel vision | ECLO
# 08 ear
acute otitis media; AOM; otitis media with effusion; glue ear | bulging red drum; ear pain and fever in toddler; flat tympanogram | amoxicillin; grommets
otitis externa; swimmer's ear | itchy discharging canal, tragal tenderness; debris in meatus | gentamicin-hydrocortisone drops; aural toilet
BPPV; positional vertigo; benign paroxysmal positional vertigo | spinning on turning over in bed; Dix-Hallpike positive | Epley manoeuvre; Brandt-Daroff exercises
Ménière's disease; Meniere disease; endolymphatic hydrops | episodic vertigo with tinnitus and aural fullness; low-frequency loss | betahistine; low salt; gentamicin injection
vestibular neuritis; labyrinthitis; peripheral vertigo | constant vertigo for days, head impulse positive; nystagmus, vomiting | prochlorperazine; vestibular rehab
sensorineural hearing loss; sudden deafness; presbycusis; noise-induced hearing loss | audiogram bilateral high-frequency drop; woke deaf in one ear, Weber to other side | hearing aids; high-dose steroid; audiology
tinnitus; hyperacusis | ringing for a year, hearing test normal | sound therapy
cholesteatoma; chronic suppurative otitis media; perforated eardrum | attic crust with foul discharge; central perforation; conductive loss 35 dB | mastoidectomy; tympanoplasty; keep dry
mastoiditis; petrositis | boggy swelling behind ear, pinna pushed forward | IV ceftriaxone; cortical mastoidectomy
otosclerosis | conductive loss with Carhart notch, young woman | stapedectomy
ear wax; impacted cerumen; blocked ears | canal full of wax; muffled hearing | olive oil; microsuction
Eustachian tube dysfunction; ear popping; otalgia | cannot equalise; ear blocked after flight | Valsalva; nasal steroid
perichondritis of pinna; chondrodermatitis; exostosis of ear canal; myringitis | tender red auricle sparing lobe | ciprofloxacin
otorrhoea; bleeding from ear; mixed deafness; auditory neuropathy | watery ear discharge | ENT clinic; swab
# 09 circulatory
NSTEMI; STEMI; myocardial infarction; heart attack | crushing central chest pain, sweating; troponin 860; ST elevation; occluded LAD | PCI with stent; aspirin and ticagrelor; cardiac rehab
angina; unstable angina; ischaemic heart disease; CAD | exertional tightness relieved by GTN; three-vessel disease | CABG; bisoprolol
heart failure; CCF; HFrEF; LVF; pulmonary oedema cardiogenic | orthopnoea, PND, swollen ankles; BNP 4,800; EF 25 %; raised JVP | furosemide; sacubitril-valsartan; spironolactone
atrial fibrillation; AF with RVR; SVT; atrial flutter; VT | irregularly irregular at 148; palpitations; no P waves | apixaban; cardioversion; ablation; adenosine
stroke; ischaemic stroke; MCA infarct; CVA | sudden hemiparesis and dysphasia; NIHSS 14; dense vessel sign; infarct on CT; hemianopia | thrombolysis; thrombectomy; stroke unit
intracerebral haemorrhage; subarachnoid haemorrhage; ICH; SAH | thunderclap headache, blood in basal cisterns; basal ganglia bleed; aneurysm on CTA | nimodipine; coiling; BP control
DVT; deep vein thrombosis; venous thromboembolism | swollen calf, non-compressible femoral vein; Wells 3 | rivaroxaban; LMWH
pulmonary embolism; PE; saddle embolus | pleuritic pain after long flight, filling defects on CTPA; right heart strain | apixaban; alteplase
hypertension; essential hypertension; hypertensive emergency; malignant hypertension | clinic BP 178/104; ABPM 156/96; grade 3 retinopathy | amlodipine; ramipril
aortic stenosis; mitral regurgitation; endocarditis; valve disease | ejection systolic murmur to carotids, gradient 52 mmHg; vegetation on mitral valve; splinter haemorrhages | TAVI; valve replacement; six weeks of IV antibiotics
complete heart block; bradycardia; sick sinus syndrome; cardiac arrest; long QT | rate 32, AV dissociation; blackouts with pauses of 6 s | pacemaker; ICD
abdominal aortic aneurysm; AAA; aortic dissection | pulsatile mass, 6.1 cm; tearing pain to back, false lumen | EVAR; labetalol
peripheral arterial disease; claudication; critical limb ischaemia; leg ischaemia | ABPI 0.5; calf pain at 100 m; cold pulseless foot | angioplasty; bypass
varicose veins; venous insufficiency; phlebitis; haemorrhoids; oesophageal varices | dilated tortuous leg veins; tender cord along vein; bright red blood on paper | compression; banding
pericarditis; myocarditis; cardiomyopathy; pericardial effusion | pain eased sitting forward, saddle ST; septal hypertrophy; echo-free space, tamponade | colchicine; drainage
orthostatic hypotension; Raynaud's; lymphoedema; vasculitis of arteries | postural drop of 40 mmHg; fingers go white in cold | fludrocortisone; nifedipine
# 10 respiratory
pneumonia; CAP; community-acquired pneumonia; LRTI; bronchopneumonia | consolidation on CXR; green sputum, pleuritic pain and fever; crackles at base; CURB-65 2 | amoxicillin; co-amoxiclav and clarithromycin; oxygen
COPD exacerbation; IECOPD; emphysema; chronic bronchitis | wheeze and more sputum, 40 pack-years; FEV1 38 %; hyperinflated | nebulisers; prednisolone; NIV; home oxygen
asthma; acute asthma; asthma attack; exacerbation of asthma | wheeze, PEF 50 %; cannot finish sentences; nocturnal cough, using blue inhaler daily | salbutamol nebs; magnesium; inhaled steroid
influenza; flu; influenza A with cough | sudden fever, myalgia, cough; PCR flu A positive | oseltamivir; isolate
URTI; common cold; pharyngitis; tonsillitis; laryngitis | sore throat with exudate; runny nose; Centor 3 | penicillin V; fluids and rest
sinusitis; allergic rhinitis; hay fever; nasal polyps; deviated septum | facial pressure and purulent discharge; sneezing in June; polyps both sides | nasal steroid; FESS; antihistamine
bronchiolitis; croup; acute bronchitis | infant with wet cough and recession, RSV positive; barking cough, stridor | high flow oxygen; dexamethasone
pleural effusion; empyema; pleurisy | dull base, stony; pus on tap, pH 7.0 | chest drain; VATS
pneumothorax; spontaneous pneumothorax; tension pneumothorax | sudden sharp pain, absent lung markings, tall young man | aspiration; chest drain
pulmonary fibrosis; IPF; interstitial lung disease; silicosis; asbestosis | fine end-inspiratory crackles, honeycombing; TLCO 38 %; clubbed | nintedanib; pirfenidone; ILD MDT
respiratory failure; type 2 respiratory failure; ARDS; hypoxia | pO2 6.9, pCO2 8.8; bilateral infiltrates, ventilated prone | BiPAP; intubated
bronchiectasis; lung abscess; aspiration pneumonia; atelectasis | daily cupful of sputum, signet ring on CT; coughed while eating, right lower lobe shadow | physiotherapy airway clearance; long antibiotics
peritonsillar abscess; quinsy; epiglottitis; vocal cord nodules; enlarged adenoids | trismus, uvula deviated; drooling, tripod; hoarse singer | aspiration of pus; tonsillectomy
pneumonitis; hypersensitivity pneumonitis; mediastinitis; pulmonary oedema non-cardiac | pigeon keeper, ground-glass; | avoid birds
# 11 digestive
appendicitis; acute appendicitis; perforated appendix | pain moving to right iliac fossa, rebound; faecolith; Rovsing positive | laparoscopic appendicectomy
gallstones; acute cholecystitis; biliary colic; cholangitis; CBD stone | RUQ pain after fatty food, Murphy positive; thick-walled gallbladder; dilated duct with stone | lap chole; ERCP
acute pancreatitis; chronic pancreatitis | epigastric pain through to back, lipase 2,300; alcohol binge; peripancreatic fluid | fluids and analgesia; Creon
peptic ulcer; duodenal ulcer; gastric ulcer; upper GI bleed; gastritis | melaena, coffee-ground vomit; on NSAIDs; H. pylori positive; visible vessel at OGD | PPI; clips and adrenaline; eradication
GORD; reflux; oesophagitis; hiatus hernia; Barrett's | heartburn lying down; LA grade C | omeprazole; fundoplication
Crohn's disease; ulcerative colitis; UC flare; IBD | bloody diarrhoea, calprotectin 1,400; terminal ileal skip lesions; perianal fistula | mesalazine; infliximab; hydrocortisone IV; azathioprine
diverticulitis; perforated diverticulum; diverticular bleed | left iliac fossa pain and fever; pericolic stranding at sigmoid | antibiotics; Hartmann's
bowel obstruction; SBO; volvulus; ileus; intussusception | distended, absolute constipation; dilated loops with transition point; coffee bean sign | NG tube drip and suck; laparotomy
inguinal hernia; umbilical hernia; incarcerated femoral hernia; incisional hernia | reducible groin lump with cough impulse; tender irreducible lump | mesh repair
cirrhosis; decompensated liver disease; alcoholic hepatitis; fatty liver; hepatic encephalopathy | ascites, spider naevi, flap; bilirubin 180; coarse nodular liver | spironolactone; lactulose; paracentesis
coeliac disease; celiac; malabsorption; IBS; irritable bowel | tTG > 100, villous atrophy; bloating relieved by passing stool | gluten-free diet; low FODMAP
constipation; anal fissure; anal fistula; perianal abscess; rectal prolapse | tearing pain on stool with fresh blood; impacted rectum; fluctuant swelling near anus | laxatives; GTN ointment; incision and drainage
dental caries; tooth abscess; gingivitis; mouth ulcers; stomatitis; TMJ pain; sialadenitis | throbbing molar, swollen jaw; bleeding gums | extraction; dentist; metronidazole
achalasia; oesophageal stricture; gastroparesis; dyspepsia; pyloric stenosis adult | bird's beak on barium; food sticks | dilatation; Heller myotomy
ischaemic colitis; mesenteric ischaemia; peritonitis; colitis; angiodysplasia | pain out of proportion, lactate 7; rigid abdomen, free gas | laparotomy; resection
# 12 skin
cellulitis; leg cellulitis; erysipelas; skin infection | hot red tender shin, spreading; entry at toe web; margins marked | flucloxacillin; elevation
abscess; skin abscess; boil; furuncle; carbuncle; pilonidal sinus; paronychia; impetigo | fluctuant lump in axilla; natal cleft pit discharging; golden crusts | incision and drainage; fusidic acid
eczema; atopic dermatitis; contact dermatitis; seborrhoeic dermatitis | itchy flexures, lichenified; patch test nickel positive; dry cracked hands, hairdresser | emollients; topical steroid; dupilumab
psoriasis; plaque psoriasis; guttate psoriasis | silvery scale on elbows and knees; PASI 12; nail pits | calcipotriol; phototherapy; biologic
urticaria; hives; chronic spontaneous urticaria | itchy wheals come and go in 24 h | cetirizine; omalizumab
acne; rosacea; hidradenitis suppurativa; folliculitis | comedones and nodules on face and back; flushing with papules; recurrent groin sinuses | isotretinoin; lymecycline; azelaic acid
pressure ulcer; pressure sore; decubitus ulcer; pressure injury | sacral break, category 3, slough; heel blister in bedbound patient | offload; pressure mattress; tissue viability nurse
venous-type leg ulcer; chronic skin ulcer; lower limb ulcer | shallow wound at gaiter area for months; sloughy base | four-layer bandage
alopecia; alopecia areata; hair loss; hirsutism | round bald patch with exclamation hairs | intralesional triamcinolone
ingrown toenail; nail dystrophy; onycholysis | red swollen nail fold of big toe | wedge excision
bullous pemphigoid; pemphigus; blistering disease; dermatitis herpetiformis | tense blisters in old person, IgG at basement membrane; Nikolsky positive | prednisolone; doxycycline
actinic keratosis; seborrhoeic keratosis; sunburn; corns; callus; keloid | rough scaly spot on bald scalp; stuck-on waxy lesion; hard scar beyond wound | cryotherapy; 5-FU cream
vitiligo; melasma; hyperpigmentation; lichen planus; pityriasis rosea; granuloma annulare | depigmented patches on hands; purple flat-topped wrist papules; herald patch | tacrolimus ointment; reassurance
erythema nodosum; erythema multiforme; Stevens-Johnson syndrome; drug eruption; cutaneous lupus | tender red nodules on shins; target lesions; skin sloughing after new drug | stop the drug; burns unit
sebaceous cyst; epidermoid cyst; hyperhidrosis; pruritus; prickly heat | punctum over lump on scalp; sweaty palms | excision; aluminium chloride
# 13 musculoskeletal
gout; acute gout; pseudogout; crystal arthritis | hot swollen big toe overnight; urate 540; needle crystals; chondrocalcinosis | colchicine; allopurinol; NSAID
rheumatoid arthritis; RA flare; inflammatory arthritis | symmetrical hand joint swelling, morning stiffness 2 h; anti-CCP positive; erosions | methotrexate; DMARD; rituximab
osteoarthritis knee; hip OA; OA | bone on bone on x-ray, osteophytes; crepitus, worse on stairs | total knee replacement; physiotherapy; injection
low back pain; sciatica; lumbar disc prolapse; slipped disc; lumbago | leg pain below knee, SLR 30°; L4/5 protrusion touching root | physio; nerve root block; microdiscectomy
spinal stenosis; cervical spondylosis; spondylolisthesis; degenerative disc disease; neck pain | legs heavy on walking, better leaning forward; arm radiculopathy, foraminal narrowing | decompression; collar
osteoporosis; fragility vertebral fracture osteoporotic; osteopenia; pathological fracture | T-score −3.2; wedge collapse of T12 without trauma; lost height | alendronate; calcium and D3; zoledronate
osteomyelitis; septic arthritis; discitis | probe to bone, marrow oedema; joint pus, staph aureus in aspirate; | washout; six weeks of flucloxacillin
SLE; lupus; systemic sclerosis; dermatomyositis; Sjögren; vasculitis GPA | ANA 1:1280, dsDNA, malar rash; dry eyes and mouth, Ro; skin tightening | hydroxychloroquine; mycophenolate
polymyalgia rheumatica; PMR; giant cell arteritis | shoulder girdle stiffness, ESR 88; jaw claudication, scalp tender | prednisolone 15 mg; temporal artery biopsy
ankylosing spondylitis; axial spondyloarthritis; psoriatic-type arthropathy; reactive arthritis | young man, back stiff at night, sacroiliitis, HLA-B27; dactylitis | NSAID; adalimumab
frozen shoulder; rotator cuff tear; impingement; adhesive capsulitis; bursitis | painful arc; global restriction; supraspinatus full-thickness tear non-traumatic | steroid injection; arthroscopy
tennis elbow; plantar fasciitis; trigger finger; tendinitis; Achilles tendinopathy; de Quervain; ganglion | heel pain first steps in morning; finger locks; lateral epicondyle tender | splint; eccentric exercises
fibromyalgia; myalgia; muscle spasm; rhabdomyolysis non-traumatic; myositis | widespread pain, unrefreshing sleep, 14 tender points; CK 8,000 | pacing; amitriptyline
scoliosis; kyphosis; hallux valgus; bunion; knee meniscus old tear; leg length difference | Cobb angle 38°; painful first toe deformity; knee locking, old bucket-handle tear | brace; osteotomy
avascular necrosis; Paget's disease of bone; Perthes; nonunion; Dupuytren's contracture; costochondritis | crescent sign femoral head; ALP 480 bone type; palm cord | core decompression; fasciectomy
# 14 genitourinary
UTI; cystitis; urinary tract infection; lower UTI | dysuria, frequency and urgency; nitrites positive; MSU E. coli > 10^5 | nitrofurantoin; trimethoprim
pyelonephritis; kidney infection; renal abscess | loin pain with rigors and pyuria | ciprofloxacin; IV gentamicin
renal colic; kidney stone; ureteric calculus; nephrolithiasis | loin to groin pain, 7 mm stone on CT KUB; hydronephrosis | tamsulosin; ureteroscopy; lithotripsy; stent
AKI; acute kidney injury; acute renal failure; ATN | creatinine 480 from 80; oliguria after gentamicin; muddy brown casts | stop nephrotoxins; dialysis; catheter
CKD; chronic kidney disease stage 4; ESRF; end-stage renal disease | eGFR 17; small kidneys; PTH high, bicarbonate low | haemodialysis; fistula; transplant list
nephrotic syndrome; glomerulonephritis; IgA nephropathy; FSGS | 7 g proteinuria, albumin 18; dysmorphic red cells; crescents at biopsy | steroids; ACE inhibitor
BPH; benign prostatic hyperplasia; urinary retention from prostate; LUTS | poor stream, nocturia ×4; residual 900 mL; smooth enlarged prostate | tamsulosin; TURP; catheter
prostatitis; epididymitis; orchitis; testicular torsion; hydrocele; phimosis; balanitis | tender boggy prostate; swollen testis; sudden scrotal pain, high-riding; swelling transilluminates | scrotal exploration; circumcision; antibiotics
erectile dysfunction; male infertility; Peyronie's disease; haematospermia | cannot sustain erection; azoospermia | sildenafil; andrology
menorrhagia; heavy menstrual bleeding; dysmenorrhoea; amenorrhoea; PMS; irregular periods | flooding with clots; cycles every 60 days; painful periods | tranexamic acid; Mirena; COCP
endometriosis; ovarian cyst; adenomyosis; ovarian torsion | deep dyspareunia, chocolate cyst; 7 cm simple cyst; nodules on uterosacral ligaments | laparoscopy; GnRH analogue
PID; pelvic inflammatory disease; vaginitis; Bartholin's abscess; bacterial vaginosis; cervicitis | cervical excitation, discharge; clue cells; labial swelling | metronidazole; marsupialisation
prolapse; cystocele; uterine prolapse; stress incontinence; overactive bladder | something coming down; leaks on coughing; urgency with frequency | pessary; pelvic floor exercises; solifenacin
menopause; postmenopausal bleeding; atrophic vaginitis; infertility; endometrial polyp; endometrial hyperplasia | hot flushes, last period 2 years ago; FSH 70; trying to conceive 2 years | HRT; vaginal oestrogen; IVF; hysteroscopy
mastitis non-puerperal; breast cyst; gynaecomastia; breast abscess; breast lump; mastalgia | tender subareolar disc; simple cyst aspirated | triple assessment
interstitial cystitis; neurogenic bladder; urethral stricture; hydronephrosis; haemorrhagic cystitis; vesicoureteric reflux | PUJ obstruction; narrow bulbar urethra on urethrogram | pyeloplasty; urethrotomy; self-catheterise
# 15 pregnancy
pre-eclampsia; preeclampsia; gestational hypertension; HELLP; eclampsia | BP 158/104 at 33 weeks, proteinuria; headache, visual spots; low platelets, high ALT | labetalol; magnesium sulfate; deliver
gestational diabetes; GDM; diabetes in pregnancy | OGTT 9.4 at 2 h; large for dates | diet and metformin; growth scans
ectopic pregnancy; tubal pregnancy; pregnancy of unknown location | adnexal mass, empty uterus; hCG rising slowly; shoulder tip pain | methotrexate; salpingectomy
miscarriage; missed miscarriage; incomplete abortion; threatened miscarriage; molar pregnancy | bleeding at 8/40, no fetal heart; retained products | misoprostol; surgical evacuation; anti-D
hyperemesis gravidarum; vomiting in pregnancy | cannot keep fluids down at 9 weeks, ketonuria | cyclizine; IV fluids
preterm labour; PPROM; premature rupture of membranes; cervical insufficiency | liquor draining at 29 weeks; contracting, cervix 3 cm at 30 weeks | steroids; atosiban; erythromycin; cerclage
placenta praevia; placental abruption; antepartum haemorrhage; placenta accreta | painless bleed at 32 weeks, low placenta; tense woody uterus | caesarean; cross-match
postpartum haemorrhage; PPH; retained placenta; uterine atony | EBL 1.5 L after delivery; boggy uterus | oxytocin; carboprost; balloon; manual removal
normal delivery; SVD; spontaneous vaginal birth; forceps delivery; ventouse | 40+2, live female, intact perineum; second stage prolonged | routine postnatal care; episiotomy repaired
caesarean section; failure to progress; breech presentation; obstructed labour; fetal distress in labour | cervix stuck at 6 cm; pathological CTG; bottom first at 38 weeks | emergency LSCS; ECV
perineal tear; third-degree tear; obstetric trauma | sphincter torn at delivery | repaired in theatre
puerperal sepsis; endometritis postpartum; mastitis lactational; breast abscess in breastfeeding; puerperal infection | day 5 postnatal, offensive lochia and fever; hot wedge of breast while feeding | co-amoxiclav; keep feeding
twin pregnancy; multiple gestation; reduced fetal movements; fetal growth restriction; polyhydramnios | MCDA twins; EFW 3rd centile, absent end-diastolic flow; AFI 29 | growth scans; induction of labour
obstetric cholestasis; anaemia in pregnancy; UTI in pregnancy; DVT in pregnancy; rhesus isoimmunisation | itching palms at 35 weeks, bile acids 62; Hb 88 at 28/40; bacteriuria at booking | ursodeoxycholic acid; iron; LMWH
prolonged pregnancy; post-dates; postnatal depression-like puerperal problem; previous section | 41+5, Bishop 4 | induction with prostaglandin
# 16 perinatal
prematurity; preterm infant; extreme prematurity; low birth weight; ELBW | born at 28/40, 1.02 kg; birth weight 2.1 kg; in incubator | NICU; TPN; caffeine
RDS; respiratory distress syndrome of newborn; surfactant deficiency; hyaline membrane disease | grunting, ground-glass film in preterm; FiO2 rising | surfactant; CPAP; ventilated
transient tachypnoea of newborn; TTN; wet lung | term elective section, RR 80, fluid in fissure | settled by 24 h; oxygen
neonatal jaundice; haemolytic disease of newborn; hyperbilirubinaemia; Rhesus disease; ABO incompatibility | SBR above line at 18 h; DCT positive; yellow day 3 | phototherapy; exchange transfusion; IVIG
HIE; birth asphyxia; hypoxic ischaemic encephalopathy; neonatal encephalopathy | Apgars 1, 3, 5, cord pH 6.9; floppy; seizures in first day | cooling; phenobarbital
neonatal sepsis; early-onset GBS sepsis; congenital infection; omphalitis | mother GBS positive, baby lethargic with poor feeding, CRP 64; red umbilicus | benzylpenicillin and gentamicin; LP
meconium aspiration; MAS; persistent pulmonary hypertension of newborn | thick meconium, patchy lungs; pre/post-ductal difference | iNO; ECMO
neonatal hypoglycaemia; infant of diabetic mother; hypothermia of newborn | glucose 1.4 at 2 h, jittery, macrosomic 4.6 kg | dextrose gel; feeds
necrotising enterocolitis; NEC; feeding problem of newborn; meconium ileus; meconium plug | preterm, distended, bloody stool, pneumatosis; bilious aspirates | nil by mouth; surgeons
intraventricular haemorrhage; IVH; cephalhaematoma; subgaleal bleed; vitamin K deficiency bleeding of newborn | cranial US grade 3; fluctuant parietal swelling after ventouse | serial scans; vitamin K
birth injury; Erb's palsy; clavicle fracture at birth; brachial plexus birth injury | shoulder dystocia, arm limp in waiter's tip | physio
SGA; small for gestational age; IUGR baby; large for dates; post-term baby | 2nd centile at term; peeling skin, 42 weeks | feeding plan
apnoea of prematurity; bronchopulmonary dysplasia; chronic lung disease of prematurity; neonatal pneumothorax | desaturations with bradycardia at 30 weeks corrected; oxygen beyond 36 weeks | caffeine; home oxygen
neonatal abstinence syndrome; neonatal withdrawal; neonatal convulsions; PDA in preterm; neonatal thrombocytopenia; neonatal conjunctivitis | high-pitched cry, mother on methadone | oral morphine
erythema toxicum; newborn rash; neonatal anaemia; twin-twin transfusion; stillbirth; hydrops | blotchy rash day 2, well baby | reassured
# 17 congenital
tetralogy of Fallot; VSD; ASD; transposition; coarctation; congenital heart disease; hypoplastic left heart | blue baby, overriding aorta; pansystolic murmur LLSE; absent femorals; sats 75 % | surgical repair; prostaglandin; Norwood; Glenn shunt
Down syndrome; trisomy 21; trisomy 18; Edwards syndrome | 47,XX,+21; single palmar crease, hypotonia; karyotype extra chromosome | genetic counselling; echo and thyroid screen
Turner syndrome; Klinefelter syndrome; fragile X; chromosomal deletion; 22q11 deletion | 45,X, webbed neck, short; 47,XXY tall, small testes; microarray deletion | growth hormone; testosterone
cleft lip; cleft palate; Pierre Robin | gap in upper lip; nasal regurgitation, small jaw | cleft team; special bottle; palate repair
spina bifida; myelomeningocele; encephalocele; microcephaly; congenital hydrocephalus | lumbosacral sac with neural tissue; dimple with tethered cord; head < 0.4th centile | neurosurgical closure; VP shunt
clubfoot; talipes; DDH; hip dysplasia; congenital dislocation of hip | foot turned in, rigid; Ortolani positive; alpha angle 48° | Ponseti casts; Pavlik harness
polydactyly; syndactyly; limb reduction; craniosynostosis; pectus excavatum; achondroplasia; osteogenesis imperfecta | extra digit; fused fingers; blue sclerae with many fractures; ridged suture | plastics
undescended testis; hypospadias; ambiguous genitalia; bicornuate uterus | empty scrotum at 1 y; meatus on ventral shaft | orchidopexy; staged repair
pyloric stenosis infantile; Hirschsprung; duodenal atresia; imperforate anus; oesophageal atresia; malrotation; biliary atresia | projectile milky vomit at 5 weeks, olive mass; no meconium at 48 h, aganglionic; double bubble; cannot pass NG tube | pyloromyotomy; pull-through; Kasai
diaphragmatic hernia congenital; gastroschisis; exomphalos; lung sequestration | bowel in chest, scaphoid abdomen; bowel outside abdomen at birth | surgical repair; silo
polycystic kidneys; horseshoe kidney; renal agenesis; PUJ congenital; posterior urethral valves | many renal cysts, family history; single kidney on scan; keyhole bladder | nephrology; valve ablation
Marfan syndrome; neurofibromatosis; tuberous sclerosis; Ehlers-Danlos; Noonan | tall with lens dislocation and wide root; café-au-lait spots and axillary freckles; ash-leaf patches | genetics; annual echo
birthmark; port-wine stain; congenital naevus; ichthyosis; epidermolysis bullosa; preauricular tag; microtia | present since birth; blisters with handling from birth | laser; dermatology
branchial cyst; thyroglossal cyst; tongue-tie; laryngomalacia; choanal atresia; congenital cataract; coloboma | moves on tongue protrusion; inspiratory stridor since birth; cannot breathe when mouth shut; no red reflex at birth | excision; frenotomy
bicuspid aortic valve; PDA persistent; dextrocardia; vascular ring; AV malformation congenital | continuous machinery murmur; heart on right | device closure
# 18 symptoms
chest pain; non-cardiac chest pain; atypical chest pain | troponin negative ×2, ECG normal; no cause found | home, reassured
abdominal pain; non-specific abdominal pain; pelvic pain | bloods, scan and scope normal; settled by itself | discharged, no diagnosis
syncope; collapse; faint; vasovagal episode; presyncope | brief loss of consciousness on standing in heat, quick recovery; ECG and echo normal | hydration advice
dizziness; unsteadiness; lightheaded; gait instability | neuro exam normal, not positional; no cause found | falls clinic
headache; facial pain | CT normal, no features of migraine | simple analgesia
fever of unknown origin; PUO; pyrexia | 3 weeks of fever, all cultures negative; PET inconclusive | observe
weight loss; fatigue; malaise; loss of appetite; night sweats unexplained | extensive tests normal; TATT | watchful waiting
cough; dyspnoea; shortness of breath; haemoptysis; wheeze; hiccups; stridor symptom | CXR and spirometry normal | review if persists
nausea; vomiting; dysphagia; bloating; jaundice; diarrhoea symptom; faecal incontinence | endoscopy normal | antiemetic
haematuria; dysuria; urinary retention; frequency; polyuria; incontinence of urine | cystoscopy and CT urogram normal | no follow-up
palpitations; murmur; tachycardia; raised blood pressure reading; bradycardia on monitor | 24 h tape sinus rhythm; innocent murmur, echo normal | reassured
rash; localised swelling; lump; paraesthesia; pallor; oedema; numbness of skin | nerve tests normal; settled | none
abnormal LFTs; raised ALT; elevated PSA; raised CRP; abnormal glucose; proteinuria; abnormal blood test | found on routine bloods, asymptomatic; scan and screen negative | repeat in 3 months
pulmonary nodule; abnormal imaging; abnormal mammogram; abnormal ECG; abnormal smear; incidental finding on scan | 5 mm, incidental; shadow of uncertain significance | repeat scan in 12 months
seizure single; first fit; confusion; memory loss; speech disturbance; tremor; coma; drowsiness | EEG and MRI normal after one event; cause not established | first-fit clinic
febrile convulsion; excessive crying of infant; BRUE; failure to thrive; delayed milestone; bedwetting symptom | brief shaking with fever, back to normal; colicky, thriving | parents reassured
hallucinations; irritability; suicidal ideation; low mood symptom; restlessness | no psychiatric diagnosis made | signpost
shock; cardiac symptom; epistaxis; sore throat symptom; nosebleed; localised pain; sudden death cause unknown | settled with pressure | cautery
# 19 injury
hip fracture; neck of femur fracture; # NOF; intertrochanteric fracture | leg shortened and externally rotated after fall; unable to weight bear | hemiarthroplasty; DHS; nerve block
wrist fracture; Colles' fracture; distal radius fracture; scaphoid fracture; forearm fracture | FOOSH, dinner fork deformity; snuffbox tender | manipulation; backslab; ORIF
ankle fracture; ankle sprain; tibial fracture; foot fracture; metatarsal fracture | inversion injury, swollen lateral malleolus; Weber B; Ottawa positive | boot; crutches; plate
head injury; concussion; subdural haematoma; skull fracture; traumatic brain injury | hit head, LOC 2 min, amnesia; acute blood over left hemisphere after fall; boggy scalp | head injury advice; craniotomy; observe GCS
rib fractures; flail chest; traumatic pneumothorax; lung contusion; haemothorax | steering wheel injury, ribs 4–8; surgical emphysema after blow | chest drain; epidural
laceration; cut finger; scalp wound; dog bite; stab wound; tendon laceration | 4 cm gaping wound; glass cut, flexor tendon divided; puncture marks on forearm | sutured; tetanus; washout
burn; scald; flame burn; chemical burn; sunburn severe; inhalation injury | partial thickness 9 % TBSA; hot water; blisters on hand; soot in nostrils | cling film; burns unit; Parkland fluids
paracetamol overdose; overdose; drug poisoning; opioid overdose; tricyclic overdose | took 30 tablets; level above treatment line; pinpoint pupils, RR 6 | N-acetylcysteine; naloxone; charcoal; psychiatry liaison
carbon monoxide poisoning; alcohol poisoning toxic; toxic inhalation; snake bite venom; mushroom poisoning; organophosphate poisoning | COHb 28 %, faulty boiler; fang marks with swelling | high-flow oxygen; antivenom
anaphylaxis; allergic reaction to nuts; angioedema; drug allergy; food allergy | throat swelling after peanuts; wheeze and hypotension after penicillin | IM adrenaline; EpiPen
shoulder dislocation; patella dislocation; finger dislocation; elbow dislocation; ACL tear; acute meniscal tear | squared-off shoulder after tackle; felt a pop, haemarthrosis | reduced under sedation; sling; knee brace
corneal abrasion; foreign body in eye; foreign body in ear; swallowed coin; fish bone; nose bead | metal grinding, rust ring; bead in nostril; coin on x-ray | removed; chloramphenicol ointment
spinal fracture; C-spine fracture; vertebral burst fracture traumatic; spinal cord injury; whiplash | dived into shallow pool, no power in legs; midline tender after RTC | immobilise; spinal centre
splenic rupture; liver laceration; pelvic fracture; kidney contusion; multiple trauma | seat-belt mark, free fluid on FAST; open book pelvis | binder; embolisation; splenectomy
postoperative wound infection; surgical site infection; anastomotic leak; prosthetic joint infection; device complication; catheter blockage; graft failure; transplant rejection | day 7 after surgery, wound red with pus; loosened infected prosthesis; creatinine up in graft, biopsy rejection | washout; antibiotics; theatre
hypothermia accidental; heat stroke; frostbite; electric shock injury; drowning; child abuse; barotrauma | core temp 29.8; collapsed in marathon, T 41; black toes after exposure | rewarm; ice bath
bruise; contusion; haematoma of thigh; muscle strain; hamstring tear; crush injury; amputation of fingertip; nail bed injury | kicked in thigh; door shut on finger | ice and rest; terminalisation
medication side effect; adverse drug reaction; warfarin bleeding adverse effect; underdosing; vaccine reaction | INR 9 with bleeding; rash after first dose | stop drug; vitamin K
# 20 external causes
pedestrian hit by car; knocked down by a bus while crossing; pedestrian struck | crossing the road at dusk; vehicle going 30 mph | police informed
car driver in collision; car crash; motor vehicle accident; passenger in head-on collision; rollover | airbags deployed, seat belt on; hit a tree; ejected from vehicle | mechanism recorded; extricated
cyclist hit by van; fell off bicycle; pedal cyclist collision; e-scooter accident | no helmet; junction; came off at speed | circumstances coded
motorcyclist in collision; motorbike came off; quad bike overturned | at 60 mph, slid 20 m; on farm track | trauma call mechanism
fall from ladder; fall from scaffolding; fall from roof; fell from height | 4 m on to concrete; at building site; ladder slipped | HSE report; incident form
fall on stairs; slipped on wet floor; tripped over rug; fall from bed; fell in the bathroom; fall on ice | care home bedroom; supermarket aisle; no harm | falls incident form
struck by falling object; caught in machinery; hit by ball; crushed between objects; contact with power tool | pallet fell in warehouse; guard missing | workplace incident report
dog attack; bitten by dog; stung by bees; kicked by horse; insect exposure | neighbour's dog; in stables | animal control told
assault by fist; assaulted with a knife; assault by unknown; fight; hit with bottle; gunshot assault | outside a nightclub; perpetrator stranger | police report
house fire; exposure to smoke; explosion of gas bottle; hot tap water contact; fireworks | kitchen fire, alarm did not sound; camp stove | fire service record
near-drowning in pool; fell into canal; boat capsized; diving accident | no lifeguard; sailing dinghy | coastguard
intentional self-harm by hanging; self-harm by cutting, cause; jumped from bridge | intent: deliberate | intent recorded
lightning; exposure to cold; earthquake; flood; heat wave; electric current contact | stranded on mountain; overhead line | civil emergency record
place of occurrence: kitchen; occurred at school playground; happened at work; sports field; place: street | location code; activity: football; activity: cooking | entered in registry
equipment failure during procedure; wrong dose given; foreign object left at operation; misadventure during surgery; surgical complication circumstances | infusion pump failure; incident during dialysis; | safety report; duty of candour
train accident; tram collision; aircraft crash; fall from train; animal rider fall; ski accident; fall on playground equipment; trampoline accident | derailment; thrown from horse; off climbing frame | investigation by authority
police use of force; war operation; terrorism; military training accident; legal intervention | baton round; IED blast | military record
# 21 contact
annual physical; health check; well-woman visit; well-child visit; medical examination; pre-employment medical | no concerns, exam normal; growth on 50th centile; forms completed | see in a year
vaccination; immunisation; flu vaccine; travel vaccines; COVID booster | given in left deltoid; well today; consent signed | next dose in 6 months
routine antenatal care; supervision of normal pregnancy; booking visit; pregnancy test positive; postpartum check | low-risk, fundal height matches; uneventful 6-week check | midwife in 4 weeks
contraception; contraceptive advice; IUD insertion; coil check; implant removal; vasectomy request; repeat pill | threads seen; no contraindications | reviewed in a year
screening; cervical smear; screening mammogram; screening colonoscopy; bowel screening; diabetes screening | asymptomatic; normal result; average risk | recall in 3 years
suture removal; dressing change; wound check; cast removal; surgical aftercare; removal of clips | wound healed well; clean and dry | discharged from clinic
follow-up after cancer treatment; surveillance; history of breast cancer; follow-up completed treatment; remission check | no recurrence, 5 years on; scan clear | annual follow-up
chemotherapy session; radiotherapy session; dialysis session; immunotherapy cycle | attends for cycle 4 as day case; tolerated well | next cycle in 21 days
organ donor; kidney donor; blood donor; bone marrow donor; egg donor | healthy volunteer; crossmatch fine | proceed to donation
family history of colon cancer; BRCA carrier; family history of heart disease; genetic susceptibility | asymptomatic, mother affected; mutation carrier; well | risk clinic; counselling
housing problem; homelessness; unemployment; social admission; carer breakdown; lives alone; marital problems; bereavement | no medical need; cannot go home, no care package; fit, awaiting placement | social work; benefits advice
medication review; long-term anticoagulant; INR check; repeat prescription; long-term insulin use; drug monitoring | stable on warfarin, INR 2.4; bloods fine | continue
stoma care; colostomy status; pacemaker check; hearing aid fitting; prosthetic limb fitting; tracheostomy care; catheter change; glasses fitting | battery good, thresholds fine; bag changed; new socket comfortable | next check in 12 months
contact with TB; exposure to HIV; needlestick exposure; contact with measles; carrier of MRSA; suspected condition ruled out | no symptoms; source patient positive; screening swab | prophylaxis; repeat test at 6 weeks
counselling; dietary counselling; smoking cessation advice; sex education; genetic counselling; preoperative assessment; cosmetic surgery request; second opinion; results discussed | fit for anaesthetic ASA 1; worried well; unhappy with nose shape | plan agreed
newborn examination; liveborn infant; healthy baby; baby check; circumcision ritual; adoption medical | well term baby, normal exam; feeding well | routine
transplant status; amputation status; joint replacement status; do not resuscitate; allergy status; palliative care encounter; rehabilitation encounter; medical certificate | stable kidney transplant for 10 years; new knee working well; needs a form for work | form signed
noncompliance; missed appointment; patient left; procedure not done; refused treatment; waiting for bed | did not attend; cancelled by patient | rebook
"""


def _parse(table: str) -> tuple[tuple[Condition, ...], ...]:
    """The conditions of each chapter, in the order of `data.LABELS`."""
    chapters: list[list[Condition]] = []
    for line in table.strip().splitlines():
        if line.startswith("#"):
            chapters.append([])
            continue
        fields = (tuple(filter(None, map(str.strip, field.split(";")))) for field in line.split("|"))
        chapters[-1].append(Condition(*fields))
    return tuple(map(tuple, chapters))


CONDITIONS = _parse(_TABLE)
