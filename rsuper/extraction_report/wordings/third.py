"""Wordings of a third hospital, written apart from everything else; see phantom_sets.py."""

TUMOR_SIZED = (
    "There is {a_size} {kind} in the {where}.",
    "There is {a_kind} in the {where} measuring {size}.",
    "{A_kind} in the {where} measures {size} (series 4, image 62).",
    "{A_kind} is seen within the {where}, measuring {size}.",
    "{A_kind} arises from the {where} and measures {size}.",
    "{A_kind} is present in the {where}. It measures {size}.",
    "{A_kind} in the {where}. Size: {size}. Margins: ill-defined.",
    "{A_kind} in the {where} (5:43) measures {size}. It abuts the adjacent vessels without narrowing them.",
    "{A_kind} in the {where}, {size}, bulges the contour of the organ.",
    "{A_kind} is centered in the {where} and measures approximately {size}.",
    "{Short} {kind} measuring {size}.",
    "{Short} {kind} currently measures {size}.",
    "{Short} {kind}: {size}.",
    "{Short} {plain}. Size: {size}. Venous invasion: none.",
    "{Short} {kind} (series 301, image 88), {size}, with no tumor thrombus in the draining veins.",
    "Again seen is {a_kind} in the {where}, now measuring {size}.",
    "Arising from the {where} is {a_kind} measuring {size}, with partially exophytic growth.",
    "Within the {where} there is {a_kind}, which measures {size}.",
    "The {where} is expanded by {a_kind} measuring {size}.",
    "Tumor: {a_kind} in the {where}, {size}.",
    "Within the {where}, there is {a_size} {kind} with ill-defined margins.",
    "Centered in the {where} is {a_size} {plain}.",
    "The {where} contains {a_size} {kind} (3/114).",
    "In the {where}, {a_size} {kind} is identified, without invasion of the adjacent veins.",
    "Redemonstration of {a_size} {kind} in the {where}, with stranding of the surrounding fat.",
    "Note is made of {a_size} {kind} arising from the {where}, suspicious for malignancy.",
)

TUMOR_UNSIZED = (
    "There is {a_kind} in the {where}.",
    "{A_kind} is seen within the {where}, suspicious for malignancy.",
    "{A_kind} in the {where} is ill-defined and difficult to measure accurately.",
    "{A_kind} arises from the {where}, without evidence of venous invasion.",
    "{Short} {kind} is again noted, better characterized on the recent MRI.",
    "{Short} {plain} with contact of the adjacent vessels.",
    "Redemonstration of {a_kind} in the {where}, with stranding of the surrounding fat.",
    "The {where} is enlarged by {a_kind}.",
)

PRIOR = (
    "{size}, previously {prior}",
    "{size} (previously {prior})",
    "{size}, compared to {prior} on the prior exam",
    "{size} (prior: {prior})",
    "{size}, was {prior}",
    "{size} versus {prior} previously",
)

NOUNS = (
    "mass",
    "lesion",
    "tumor",
    "neoplasm",
    "nodule",
    "solid mass",
    "solid lesion",
    "soft tissue mass",
)

ATTENUATION = {
    "hypo": ("hypoattenuating", "hypodense", "low-attenuation", "hypoenhancing", "low-density"),
    "hyper": ("hyperenhancing", "hyperattenuating", "hypervascular", "hyperdense"),
    "heterogeneous": (
        "heterogeneous",
        "heterogeneously enhancing",
        "mixed-attenuation",
        "heterogeneously attenuating",
    ),
}

WHERE = {
    "pancreas": ("pancreas", "pancreatic parenchyma"),
    "pancreas_head": (
        "pancreatic head",
        "head of the pancreas",
        "uncinate process of the pancreas",
        "pancreatic uncinate process",
        "pancreatic neck",
        "neck of the pancreas",
    ),
    "pancreas_body": (
        "pancreatic body",
        "body of the pancreas",
        "proximal pancreatic body",
        "distal body of the pancreas",
        "mid pancreatic body",
    ),
    "pancreas_tail": (
        "pancreatic tail",
        "tail of the pancreas",
        "distal pancreatic tail",
        "tip of the pancreatic tail",
        "proximal tail of the pancreas",
    ),
    "kidney_left": (
        "left kidney",
        "upper pole of the left kidney",
        "lower pole of the left kidney",
        "interpolar region of the left kidney",
        "left renal upper pole",
        "posterior interpolar left kidney",
        "lower pole left kidney",
    ),
    "kidney_right": (
        "right kidney",
        "upper pole of the right kidney",
        "lower pole of the right kidney",
        "interpolar region of the right kidney",
        "right renal lower pole",
        "anterior interpolar right kidney",
        "upper pole right kidney",
    ),
    "liver": (
        "liver",
        "right hepatic lobe",
        "left lobe of the liver",
        "hepatic dome",
        "caudate lobe of the liver",
        "left lateral section of the liver",
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
        "Pancreas: Unremarkable.",
        "Pancreas: Normal.",
        "Pancreas: No focal lesion or ductal dilatation.",
        "Pancreas: No suspicious mass.",
        "The pancreas is unremarkable.",
        "The pancreas enhances homogeneously without evidence of a mass.",
        "The pancreas is normal in appearance without focal lesion or peripancreatic stranding.",
        "No pancreatic mass is identified.",
        "Fatty replacement of the pancreas without a discrete mass.",
        "There is no CT evidence of a pancreatic neoplasm.",
    ),
    "kidney": (
        "Kidneys: Unremarkable.",
        "Kidneys/ureters: No suspicious renal mass or hydronephrosis.",
        "Kidneys: Symmetric enhancement. No solid lesion.",
        "Kidneys: Within normal limits.",
        "The kidneys are unremarkable bilaterally.",
        "The kidneys enhance symmetrically without mass or hydronephrosis.",
        "No solid renal mass on either side.",
        "Both kidneys are normal in size and enhancement, with no focal lesion.",
        "There is no suspicious enhancing lesion in either kidney.",
        "No renal mass is seen.",
    ),
}

OTHER_KIDNEY = (
    "The {side} kidney is unremarkable.",
    "No {side} renal mass.",
    "The {side} kidney enhances normally without mass or hydronephrosis.",
    "No suspicious lesion is identified in the {side} kidney.",
    "The {side} kidney is normal in appearance.",
    "There is no solid lesion of the {side} kidney.",
)

REST_OF_PANCREAS = (
    "The remainder of the pancreas is unremarkable.",
    "The remaining pancreatic parenchyma is atrophic.",
    "No additional pancreatic lesion is identified.",
    "The rest of the pancreas enhances normally.",
    "The pancreas is otherwise unremarkable, without additional mass.",
)

CYST = (
    "There is {a_size} simple cyst in the {where}.",
    "{A_size} simple cyst is noted in the {where}.",
    "Simple cyst in the {where} measuring {size}.",
    "A simple cyst in the {where} measures {size}, for which no follow-up is needed.",
    "Incidental note of {a_size} simple-appearing cyst in the {where}.",
    "A fluid-attenuation lesion in the {where} measures {size}, consistent with a simple cyst.",
    "{A_size} benign-appearing nonenhancing cyst is present in the {where}.",
)

DUCT = (
    "The main pancreatic duct is dilated, measuring {size}.",
    "Dilatation of the main pancreatic duct to {size}.",
    "There is dilation of the pancreatic duct up to {size}.",
    "Pancreatic duct: Dilated, {size}.",
    "The pancreatic duct is dilated and measures up to {size} in caliber.",
)

DUCT_NORMAL = "The main pancreatic duct is not dilated."

STONE = (
    "There is {a_size} nonobstructing calculus in the {where}.",
    "{A_size} nonobstructing stone is present in the {where}.",
    "Nonobstructing stone in the {where} measuring {size}.",
    "A calculus in the {where} measures {size}, without hydronephrosis.",
    "Nephrolithiasis with {a_size} stone in the {where}.",
)

KIDNEY_LENGTH = "The {side} kidney measures {size} in craniocaudal length."

ELSEWHERE = (
    "Lower chest: 4 mm solid nodule in the right lower lobe (series 5, image 12), unchanged.",
    "Bibasilar subsegmental atelectasis.",
    "Small hiatal hernia.",
    "Trace left pleural effusion.",
    "Liver: Hypodense lesion in hepatic segment 4A measuring 7 mm, too small to characterize.",
    "A 2.6 x 2.1 cm hemangioma is again seen in segment 7 of the liver.",
    "Simple hepatic cyst in the left lobe measures 1.9 cm.",
    "The hepatic and portal veins are patent.",
    "Gallbladder: Cholelithiasis without wall thickening, the largest stone measuring 1.2 cm.",
    "The common bile duct measures 5 mm, within normal limits.",
    "Spleen: Normal in size, measuring 10.8 cm.",
    "There is a 1.3 cm low-attenuation lesion in the spleen, likely a cyst or lymphangioma.",
    "Adrenals: 1.4 x 1.1 cm left adrenal nodule, consistent with a lipid-rich adenoma.",
    "The right adrenal gland is normal without nodule.",
    "No bowel obstruction or abnormal bowel wall thickening.",
    "Colonic diverticulosis without evidence of acute diverticulitis.",
    "There is a 1.8 cm enhancing mass along the greater curvature of the stomach, likely a GIST.",
    "A 2.2 cm fat-containing lesion in the transverse colon is consistent with a lipoma.",
    "Fusiform aneurysm of the infrarenal abdominal aorta measuring 3.2 cm.",
    "Moderate atherosclerotic calcification of the aorta and its branches.",
    "Left para-aortic lymph node measures 8 mm in short axis, not enlarged by size criteria.",
    "No free air or ascites.",
    "A 9 mm soft tissue nodule is present in the left omentum, indeterminate.",
    "Fat-containing umbilical hernia with a 1.5 cm neck.",
    "Bones: 6 mm sclerotic focus in the L3 vertebral body, likely a bone island.",
    "Subcutaneous lipoma of the right flank measuring 3.4 x 1.6 cm.",
)

HISTORY = (
    "Clinical history: {age}-year-old {person} with weight loss, rule out pancreatic mass.",
    "Indication: {age}-year-old {person} with gross hematuria, evaluate for renal mass.",
    "{age}-year-old {person} with abdominal pain.",
    "History: {age}-year-old {person}, elevated CA 19-9, question of pancreatic malignancy.",
    "Indication: {age}-year-old {person}, abnormal outside ultrasound. Rule out kidney tumor.",
    "Clinical information: {age}-year-old {person} with nausea and abnormal liver function tests.",
)

PERSONS = {"F": "woman", "M": "man"}

PHASES = {
    "plain": "CT of the abdomen was performed without intravenous contrast.",
    "arterial": "CT of the abdomen was performed after intravenous contrast in the late arterial phase.",
    "venous": "CT of the abdomen was performed after intravenous contrast in the portal venous phase.",
}

SUMMARY = (
    "{A_plain} in the {where}{comma_size}, suspicious for {diagnosis}.",
    "{A_plain} in the {where}{comma_size}, most compatible with {diagnosis}.",
    "{Short} {plain}{comma_size}, concerning for {diagnosis}.",
    "{Short} {plain}{comma_size}, as described above.",
    "{Short} {plain}{comma_size}. Findings favor {diagnosis}.",
    "{A_plain} arising from the {where}{comma_size}, worrisome for {diagnosis}. Recommend tissue sampling.",
    "Findings consistent with {diagnosis}: {plain} in the {where}{comma_size}.",
)

SUMMARY_SEVERAL = {
    "pancreas": (
        "{n} pancreatic masses, as described above.",
        "{n} solid lesions in the pancreas, concerning for multifocal neuroendocrine neoplasm.",
        "{n} pancreatic lesions suspicious for malignancy.",
    ),
    "kidney": (
        "{n} solid renal masses, as described above.",
        "{n} renal lesions, concerning for multifocal renal cell carcinoma.",
        "{n} renal masses suspicious for malignancy. Urology consultation is recommended.",
    ),
}

SUMMARY_FREE = {
    "pancreas": (
        "No pancreatic mass.",
        "No CT evidence of pancreatic malignancy.",
        "Unremarkable CT appearance of the pancreas.",
        "No suspicious pancreatic lesion identified.",
    ),
    "kidney": (
        "No suspicious renal mass.",
        "No CT evidence of renal malignancy.",
        "Unremarkable CT appearance of both kidneys.",
        "No solid lesion identified in either kidney.",
    ),
}

DIAGNOSIS = {
    "pancreas": (
        "pancreatic ductal adenocarcinoma",
        "primary pancreatic malignancy",
        "pancreatic adenocarcinoma",
        "pancreatic neuroendocrine tumor",
    ),
    "kidney": (
        "renal cell carcinoma",
        "clear cell renal cell carcinoma",
        "primary renal neoplasm",
        "papillary renal cell carcinoma",
    ),
}

NUMBERS = {2: "Two", 3: "Three", 4: "Four", 5: "Five", 6: "Six"}
