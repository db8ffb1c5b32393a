"""Wordings of a first hospital, written apart from the rules and the phantom's own; see phantom_sets.py."""

TUMOR_SIZED = (
    "{A_kind} is centred in the {where} and measures approximately {size}.",
    "Within the {where} there is {a_kind} measuring {size}.",
    "{Short} {kind} measuring {size}.",
    "{Short} {kind}: {size}.",
    "There is {a_size} {kind} arising from the {where}.",
    "The {where} harbors {a_size} {kind}.",
    "{A_kind} ({size}) is noted in the {where}.",
    "Centered on the {where} is {a_size} {kind}, suspicious for malignancy.",
    "Target lesion: {kind}, {where}, {size}.",
    "CT demonstrates {a_kind} involving the {where}, with a maximum axial extent of {size}.",
    "{A_kind} replaces part of the {where}; it measures {size}.",
    "Again seen is {a_kind} of the {where}, now {size}.",
    "On image 62 of series 3, {a_kind} in the {where} measures {size}.",
    "I note {a_size} {kind} within the {where}, without evidence of local invasion.",
    "The {plain} in the {where} has dimensions of {size}.",
    "{A_kind} is identified in the {where}. It measures {size}.",
    "The dominant finding is {a_size} {kind} of the {where}.",
    "{Short} {kind} is present, with a greatest extent of {size}.",
    "Evaluation of the {where} reveals {a_size} {kind} without internal calcification.",
    "{A_kind} distorts the contour of the {where}, measuring {size}.",
)

TUMOR_UNSIZED = (
    "{A_kind} is visible in the {where}.",
    "There is {a_kind} in the {where}, too poorly delineated to measure.",
    "{Short} {kind}, not accurately measurable owing to motion artifact.",
    "The {where} is expanded by {a_kind}.",
    "{A_kind} with indistinct margins occupies the {where}.",
    "Findings include {a_kind} of the {where}, without extension into the adjacent fat.",
    "{Short} {kind} is again demonstrated.",
    "Of note, the {where} contains {a_kind}.",
)

PRIOR = (
    "{size}, compared with {prior} on the prior study",
    "{size} versus {prior} previously",
    "{size}, having been {prior} at the last examination",
    "{size} today against {prior} on the earlier CT",
    "{size}, formerly {prior}",
    "{size} [prior {prior}]",
)

NOUNS = ("mass", "lesion", "neoplasm", "tumour", "soft tissue mass", "solid nodule", "focal lesion")

ATTENUATION = {
    "hypo": ("hypoattenuating", "low-attenuation", "hypoenhancing", "low-density", "poorly enhancing"),
    "hyper": ("hyperenhancing", "hypervascular", "avidly enhancing", "hyperattenuating"),
    "heterogeneous": (
        "heterogeneously enhancing",
        "inhomogeneous",
        "mixed-attenuation",
        "heterogeneous",
    ),
}

WHERE = {
    "pancreas": ("pancreas", "pancreatic parenchyma", "pancreatic gland"),
    "pancreas_head": (
        "head of the pancreas",
        "uncinate process of the pancreas",
        "pancreatic neck",
        "inferior aspect of the pancreatic head",
        "neck of the pancreas",
        "pancreatic uncinate process",
    ),
    "pancreas_body": (
        "body of the pancreas",
        "mid body of the pancreas",
        "proximal pancreatic body",
        "central portion of the pancreatic body",
        "pancreatic body",
    ),
    "pancreas_tail": (
        "tail of the pancreas",
        "distal pancreatic tail",
        "tip of the pancreatic tail",
        "distal tail of the pancreas",
        "pancreatic tail",
    ),
    "kidney_left": (
        "midpole of the left kidney",
        "interpolar region of the left kidney",
        "left kidney lower pole",
        "upper pole of the left kidney",
        "posterior cortex of the left kidney",
        "left renal upper pole",
        "left kidney",
    ),
    "kidney_right": (
        "midpole of the right kidney",
        "right interpolar kidney",
        "right kidney upper pole",
        "inferior pole of the right kidney",
        "anterior cortex of the right kidney",
        "right lower renal pole",
        "right kidney",
    ),
    "liver": (
        "right hepatic lobe",
        "left lobe of the liver",
        "hepatic dome",
        "caudate lobe of the liver",
        "lateral segment of the left hepatic lobe",
        "subcapsular right lobe of the liver",
    ),
}

SHORT = {
    "pancreas": "pancreatic",
    "pancreas_head": "pancreatic head",
    "pancreas_body": "pancreatic body",
    "pancreas_tail": "pancreatic tail",
    "kidney_left": "left renal",
    "kidney_right": "right renal",
}

FREE = {
    "pancreas": (
        "Pancreas: Within normal limits.",
        "The pancreas enhances homogeneously and shows no focal abnormality.",
        "Normal appearance of the pancreas.",
        "No mass is seen in the head, body or tail of the pancreas.",
        "The pancreas is lobulated and fatty replaced, in keeping with age, with no discrete mass.",
        "Unremarkable pancreatic parenchyma, without evidence of neoplasm.",
        "I see no evidence of a pancreatic tumour.",
        "The pancreas is normal in size, contour and attenuation.",
        "No suspicious pancreatic lesion.",
    ),
    "kidney": (
        "Both kidneys are normal in position and morphology, with no solid mass.",
        "Kidneys: Symmetric in size, no suspicious mass.",
        "No renal mass on either side.",
        "Neither kidney contains a solid lesion.",
        "Kidneys and ureters: Unremarkable.",
        "Normal appearances of both kidneys.",
        "No evidence of renal neoplasm bilaterally.",
        "The right and left kidneys are free of any concerning lesion.",
        "No worrisome lesion in either kidney.",
    ),
}

OTHER_KIDNEY = (
    "The {side} kidney is unremarkable.",
    "No mass in the {side} kidney.",
    "The contralateral ({side}) kidney shows no suspicious lesion.",
    "No suspicious {side} renal lesion.",
    "Normal {side} kidney.",
    "On the {side}, the kidney is normal, with no solid lesion or hydronephrosis.",
    "The {side} kidney, by contrast, is free of tumour.",
)

REST_OF_PANCREAS = (
    "The remaining pancreatic parenchyma is normal.",
    "Elsewhere the pancreas is atrophic.",
    "No further pancreatic lesion.",
    "The pancreas is otherwise unremarkable.",
    "There is atrophy of the remainder of the gland, with no additional mass.",
    "No other focal abnormality is seen in the rest of the pancreas.",
)

CYST = (
    "{A_size} simple cyst is seen in the {where}.",
    "Simple cyst in the {where}, {size}.",
    "There is {a_size} simple-appearing cyst in the {where}.",
    "Incidental note is made of {a_size} cyst of water attenuation in the {where}.",
    "The {where} contains a thin-walled, unilocular simple cyst measuring {size}.",
    "{A_size} fluid-attenuation lesion in the {where} is compatible with a simple cyst.",
    "A well-defined simple cyst ({size}) lies in the {where} and needs no follow-up.",
    "Benign cyst measuring {size} in the {where}.",
)

DUCT = (
    "The main pancreatic duct is dilated, measuring {size}.",
    "Dilated pancreatic duct, up to {size}.",
    "There is dilatation of the main pancreatic duct to {size}.",
    "Ductal dilation is present, with the main pancreatic duct reaching {size} in caliber.",
    "The main pancreatic duct is prominent at {size} and exceeds normal calibre.",
)

DUCT_NORMAL = "The main pancreatic duct is of normal calibre."

STONE = (
    "Nonobstructing calculus in the {where}, {size}.",
    "{A_size} calculus is present in the {where} without hydronephrosis.",
    "There is {a_size} non-obstructing stone in the {where}.",
    "The {where} contains a calculus measuring {size}.",
    "Nephrolithiasis, with {a_size} stone in the {where}.",
)

KIDNEY_LENGTH = "The bipolar length of the {side} kidney is {size}."

ELSEWHERE = (
    "A 14 mm left adrenal nodule measures 6 HU, consistent with an adenoma.",
    "Right adrenal gland: 2.1 cm low-density nodule, in keeping with a lipid-rich adenoma.",
    "Segment VI of the liver contains a 2.7 cm hemangioma with peripheral nodular enhancement.",
    "A few subcentimetre hypodensities in the liver are too small to characterise.",
    "Hypodense mass in segment IVb of the liver, 3.4 x 2.9 cm, concerning for a metastasis.",
    "5 mm solid nodule at the right lung base.",
    "Trace bilateral pleural effusions with adjacent atelectasis.",
    "The uterus is enlarged by a 5.6 cm intramural fibroid.",
    "Enlarged portacaval lymph node, 16 mm in short axis.",
    "Left para-aortic lymph node measuring 11 x 9 mm, previously 10 x 8 mm.",
    "The spleen is mildly enlarged at 13.4 cm in craniocaudal length.",
    "A 12 mm splenule lies at the splenic hilum.",
    "Splenic cyst, 18 mm.",
    "Cholelithiasis, with the largest gallstone measuring 9 mm.",
    "The common bile duct is 6 mm in diameter, with no choledocholithiasis.",
    "Infrarenal abdominal aortic aneurysm measuring 3.8 cm.",
    "A 17 mm fat-containing lesion in the third part of the duodenum is consistent with a lipoma.",
    "An exophytic gastric mass along the greater curvature measures 2.4 x 2.2 cm, most likely a GIST.",
    "Partially calcified mesenteric mass, 3.1 cm, with surrounding desmoplastic reaction.",
    "There is a 15 mm lytic lesion in the L2 vertebral body.",
    "Sigmoid diverticulosis without diverticulitis.",
    "Small sliding hiatus hernia.",
    "No free fluid or free gas.",
    "The urinary bladder is unremarkable.",
)

HISTORY = (
    "Clinical history: {age}-year-old {person} with epigastric pain; rule out pancreatic mass.",
    "{age} year old {person}, painless jaundice and weight loss. ?Tumour in the head of the pancreas.",
    "Indication: {age}-year-old {person} with gross hematuria, evaluate for renal neoplasm.",
    "This {person}, aged {age}, was referred with abdominal pain and raised CA 19-9. Exclude malignancy.",
    "Reason for exam: {age} y/o {person}, unintentional weight loss of 8 kg.",
    "Clinical details: {age}-year-old {person}, 3 cm renal mass queried on ultrasound, please confirm.",
    "{age}-year-old {person} with right iliac fossa pain and fever.",
)

PERSONS = {"F": "lady", "M": "gentleman"}

PHASES = {
    "plain": "CT of the abdomen and pelvis without intravenous contrast, reconstructed at 3 mm.",
    "arterial": "Late arterial phase acquisition through the abdomen after 100 ml of intravenous contrast.",
    "venous": "CT abdomen and pelvis with IV contrast, imaged in the portal venous phase at 70 seconds.",
}

SUMMARY = (
    "{A_plain} in the {where}{comma_size}, most in keeping with {diagnosis}.",
    "{Short} {plain}{comma_size}, concerning for {diagnosis}.",
    "Suspected {diagnosis}: {plain} in the {where}{comma_size}.",
    "{Short} {plain}{comma_size}. The differential is led by {diagnosis}.",
    "{A_plain} centred in the {where}{comma_size}, {diagnosis} being the leading consideration.",
    "{Short} {plain}{comma_size}; tissue sampling is advised to confirm {diagnosis}.",
    "{A_plain} of the {where}{comma_size}, presumed {diagnosis} until proven otherwise.",
)

SUMMARY_SEVERAL = {
    "pancreas": (
        "{n} pancreatic masses, as described.",
        "{n} separate lesions in the pancreas, suspicious for neuroendocrine neoplasms.",
        "{n} tumours within the pancreas, detailed above.",
        "{n} discrete solid pancreatic lesions. Recommend endoscopic ultrasound.",
    ),
    "kidney": (
        "{n} solid renal masses in total.",
        "{n} renal lesions suspicious for neoplasm, detailed above.",
        "{n} kidney tumors, as described. Urology referral is recommended.",
        "{n} renal tumours, raising the possibility of a hereditary syndrome.",
    ),
}

SUMMARY_FREE = {
    "pancreas": (
        "No CT evidence of pancreatic malignancy.",
        "No pancreatic mass identified.",
        "Normal CT appearance of the pancreas.",
        "Nothing to suggest a pancreatic tumour.",
        "The pancreas is free of focal disease.",
    ),
    "kidney": (
        "No CT evidence of renal malignancy.",
        "No suspicious renal mass on either side.",
        "Both kidneys are free of tumor.",
        "Nothing to suggest a renal neoplasm.",
        "Negative for a solid mass in either kidney.",
    ),
}

DIAGNOSIS = {
    "pancreas": (
        "pancreatic ductal adenocarcinoma",
        "primary pancreatic malignancy",
        "pancreatic adenocarcinoma",
        "neuroendocrine neoplasia",
    ),
    "kidney": (
        "renal cell carcinoma",
        "clear cell carcinoma",
        "papillary renal cell carcinoma",
        "primary renal malignancy",
    ),
}

NUMBERS = {2: "Two", 3: "Three", 4: "Four", 5: "Five", 6: "Six"}
