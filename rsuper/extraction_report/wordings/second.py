"""Wordings of a second hospital, written apart from everything else; see phantom_sets.py."""

TUMOR_SIZED = (
    "{Short} {kind}, {size}.",
    "{A_kind} in the {where}, {size}.",
    "In the {where} {a_kind}, axial extent {size}.",
    "Finding: {kind}; site: the {where}; size: {size}.",
    "Occupying the {where} one recognizes {a_kind}, which by my measurement amounts to {size}.",
    "{Short} {kind} ({size}), its histological type not to be settled by CT.",
    "I see {a_size} {kind} within the {where}, and I would leave its exact nature to the pathologist.",
    "The {where} contains {a_size} {kind}, be it primary or secondary.",
    "Focal abnormality of the {where}: {kind}, maximum dimensions {size}.",
    "The {where} is distorted by {a_kind} whose dimensions are {size}.",
    "Attention is drawn to {a_size} {kind} arising from the {where}; whether it is benign or malignant "
    "I cannot say from these images alone.",
    "{Short} {plain} measuring {size}.",
    "{A_kind} has its seat in the {where}; its extent is {size}.",
    "Arising from the {where}, {a_kind} with lobulated contours, {size}.",
    "There can be no doubt about {a_size} {kind} of the {where}, although its type remains open.",
    "Measured at {size}: {kind} of the {where}.",
    "{Short} {plain}, well circumscribed, diameter {size}.",
    "The {where} is the site of {a_size} {kind}, for which more than one histology comes to mind.",
)

TUMOR_UNSIZED = (
    "{Short} {kind}.",
    "{A_kind} in the {where}, too ill-defined to be measured.",
    "Finding: {kind}; site: the {where}; size: not measured.",
    "The {where} harbors {a_kind}, of a kind that imaging cannot name with confidence.",
    "{Short} {plain}, margins blurred, type indeterminate.",
    "Within the {where} there sits {a_kind}, which I should take to be epithelial rather than mesenchymal.",
    "One cannot overlook {a_kind} in the {where}.",
    "The contour of the {where} is bulged by {a_kind}.",
)

PRIOR = (
    "{size}, formerly {prior}",
    "{size}, {prior} on the earlier examination",
    "{size} today against {prior} last time",
    "{size} compared with {prior} at the preceding visit",
    "{size}, at that time {prior}",
)

NOUNS = (
    "mass",
    "tumor",
    "lesion",
    "neoplasm",
    "growth",
    "space-occupying lesion",
    "nodule",
)

ATTENUATION = {
    "hypo": (
        "hypodense",
        "hypoattenuating",
        "low-density",
        "low-attenuation",
        "hypoenhancing",
        "poorly enhancing",
    ),
    "hyper": ("hyperdense", "hyperattenuating", "high-density", "avidly enhancing", "hyperenhancing"),
    "heterogeneous": (
        "heterogeneous",
        "inhomogeneous",
        "mixed-density",
        "heterogeneously enhancing",
        "mixed-attenuation",
    ),
}

WHERE = {
    "pancreas": (
        "pancreas",
        "pancreatic gland",
        "pancreatic parenchyma",
    ),
    "pancreas_head": (
        "head of the pancreas",
        "pancreatic head",
        "uncinate process of the pancreas",
        "neck of the pancreas",
        "pancreatic neck",
        "lower portion of the pancreatic head",
    ),
    "pancreas_body": (
        "body of the pancreas",
        "pancreatic body",
        "corpus of the pancreas",
        "mid body of the pancreas",
        "ventral aspect of the pancreatic body",
    ),
    "pancreas_tail": (
        "tail of the pancreas",
        "pancreatic tail",
        "tip of the pancreatic tail",
        "distal tail of the pancreas",
        "cauda of the pancreas",
    ),
    "kidney_left": (
        "left kidney",
        "upper pole of the left kidney",
        "interpolar portion of the left kidney",
        "left renal lower pole",
        "midpole of the left kidney",
        "dorsal lip of the left kidney",
    ),
    "kidney_right": (
        "right kidney",
        "cranial pole of the right kidney",
        "middle third of the right kidney",
        "right renal upper pole",
        "caudal pole of the right kidney",
        "ventral lip of the right kidney",
    ),
    "liver": (
        "right lobe of the liver",
        "left hepatic lobe",
        "dome of the liver",
        "caudate lobe of the liver",
        "lateral segment of the left liver lobe",
        "inferior right hepatic lobe",
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
        "Pancreas: normal.",
        "Pancreas unremarkable.",
        "Pancreas of regular lobulation, no tumor.",
        "The pancreas can be followed from the head to the tail and offers nothing of note.",
        "No space-occupying process in head, body or tail of the pancreas.",
        "Pancreas: mass: none; contour: smooth.",
        "I find nothing in the pancreas that would suggest a neoplasm.",
        "Age-related fatty involution of the pancreas, without mass.",
        "Slender pancreas free of focal change.",
    ),
    "kidney": (
        "Kidneys: normal.",
        "Both kidneys unremarkable.",
        "Kidneys orthotopic, of normal size, no mass on either side.",
        "Right kidney: no tumor. Left kidney: no tumor.",
        "Neither kidney contains a space-occupying lesion.",
        "The kidneys are well shaped on both sides and give no cause to think of a neoplasm.",
        "No renal tumor, right or left.",
        "Renal parenchyma of both sides of ordinary width and without solid mass.",
        "Kidneys: tumor: absent bilaterally; collecting systems: slender.",
    ),
}

OTHER_KIDNEY = (
    "The {side} kidney is normal.",
    "No mass in the {side} kidney.",
    "Contralateral {side} kidney unremarkable.",
    "On the {side} the kidney is well shaped and free of tumor.",
    "As for the {side} kidney, I see nothing that need cause concern.",
    "Kidney, {side}: no space-occupying lesion.",
    "Regular findings in the {side} kidney.",
)

REST_OF_PANCREAS = (
    "Remaining pancreas atrophic.",
    "Rest of the pancreas: normal.",
    "Otherwise the gland is of regular structure, and no additional tumor has come to light.",
    "Elsewhere the pancreatic parenchyma is thinned and fatty.",
    "No further mass in the residual gland.",
    "The other portions of the pancreas are inconspicuous.",
)

CYST = (
    "Simple cyst in the {where}, {size}.",
    "{A_size} simple cyst of the {where}.",
    "The {where} bears {a_size} uncomplicated cyst, of no consequence.",
    "Uncomplicated cyst in the {where}, diameter {size}.",
    "{A_size} simple thin-walled cyst of water density lies in the {where}.",
    "Incidentally, there is {a_size} plain cyst in the {where}, which needs no further attention.",
    "Finding: simple cyst; site: the {where}; size: {size}.",
)

DUCT = (
    "Main pancreatic duct dilated, {size}.",
    "Pancreatic duct: widened, caliber {size}.",
    "The duct of Wirsung is ectatic and has a width of {size}.",
    "Dilatation of the pancreatic duct to {size}.",
    "One notes that the pancreatic duct has become wide, reaching {size} at its broadest point.",
)

DUCT_NORMAL = "Pancreatic duct slender, not dilated."

STONE = (
    "Calculus in the {where}, {size}, no obstruction.",
    "{A_size} stone in the {where}.",
    "The {where} holds {a_size} calcified concrement.",
    "Nephrolithiasis: single stone in the {where}, {size}.",
    "{A_size} non-obstructing calculus has lodged in the {where}.",
)

KIDNEY_LENGTH = "The {side} kidney has a pole-to-pole length of {size}."

ELSEWHERE = (
    "Liver: normal size, homogeneous, 14.8 cm in the midclavicular line.",
    "Hemangioma of hepatic segment VII, 21 mm, with the usual peripheral nodular filling.",
    "Two hypodense metastases in the right lobe of the liver, the larger 3.4 x 2.9 cm.",
    "Simple hepatic cyst, 12 mm, segment IV.",
    "Gallbladder: several stones up to 8 mm, wall not thickened.",
    "The common bile duct has a width of 7 mm, which I consider acceptable at this age.",
    "Spleen: 11.2 cm, no focal lesion.",
    "Accessory spleen of 14 mm at the splenic hilum.",
    "Left suprarenal gland: 19 mm nodule of fat density, adenoma.",
    "The right adrenal is occupied by a 4.1 x 3.3 cm mass, be it a pheochromocytoma or a metastasis.",
    "Stomach: 2.6 cm submucosal tumor of the greater curvature, probably stromal.",
    "Infrarenal aortic aneurysm, 4.3 cm, with mural thrombus.",
    "Pulmonary nodule in the right lower lobe, 6 mm.",
    "Small pleural effusion on the left, adjacent dystelectasis.",
    "Celiac and retroperitoneal lymph nodes not enlarged.",
    "Mesenteric lymph node of 13 mm, short axis, of uncertain significance.",
    "Sigmoid diverticula without inflammation.",
    "Colon: stenosing mass of the ascending colon over a length of 5 cm.",
    "Lipoma of the abdominal wall, 3.2 x 1.7 cm.",
    "No free fluid, no free air.",
    "Degenerative changes of the lumbar spine; 9 mm sclerotic focus in L3, an enostosis.",
    "Umbilical hernia containing fat, neck 18 mm.",
)

HISTORY = (
    "Clinical data: {person}, {age} years, weight loss, rule out pancreatic tumor.",
    "{age}-year-old {person}, painless hematuria, request to rule out a renal mass.",
    "Indication: {age} y/o {person} with upper abdominal pain for three weeks.",
    "Referred by the family physician: {person} of {age} years with raised CA 19-9, pancreatic carcinoma to "
    "be excluded.",
    "Patient: {person}, {age} years. Question: staging of colon cancer.",
    "The patient, {person}, {age} years of age, complains of flank pain; kidney tumor or stone is queried.",
    "{age}-year-old {person}, new-onset diabetes.",
)

PERSONS = {"F": "woman", "M": "man"}

PHASES = {
    "plain": "CT of the abdomen without intravenous contrast medium.",
    "arterial": "Helical CT of the abdomen in the late arterial phase, 90 ml of contrast medium.",
    "venous": "Abdominal CT, portal venous phase, reconstructed at 3 mm.",
}

SUMMARY = (
    "{A_plain} in the {where}{comma_size}, {diagnosis}.",
    "{Short} {plain}{comma_size}, {diagnosis}.",
    "{A_plain} of the {where}{comma_size}; I judge it {diagnosis}.",
    "Principal finding: {plain} of the {where}{comma_size}, {diagnosis}.",
    "{Short} {plain}{comma_size}: {diagnosis}.",
    "{A_plain} seated in the {where}{comma_size}, which, taking all in all, is {diagnosis}.",
)

SUMMARY_SEVERAL = {
    "pancreas": (
        "{n} pancreatic tumors, as set out above.",
        "{n} separate masses in the pancreas.",
        "{n} neoplastic foci of the pancreas, multifocal disease.",
    ),
    "kidney": (
        "{n} renal tumors, as set out above.",
        "{n} separate renal masses.",
        "{n} solid renal lesions, hereditary disease to be thought of.",
    ),
}

SUMMARY_FREE = {
    "pancreas": (
        "No pancreatic tumor.",
        "Pancreas without mass.",
        "Nothing to support a neoplasm of the pancreas.",
        "Pancreas: normal.",
        "A pancreatic mass is not found.",
    ),
    "kidney": (
        "No renal tumor.",
        "Both kidneys without mass.",
        "Nothing to support a neoplasm of either kidney.",
        "Kidneys: normal.",
        "A renal mass is not found on either side.",
    ),
}

DIAGNOSIS = {
    "pancreas": (
        "most in keeping with ductal adenocarcinoma",
        "suspicious for pancreatic carcinoma",
        "more suggestive of a neuroendocrine neoplasm than of an adenocarcinoma",
        "in the first place compatible with a primary malignancy",
    ),
    "kidney": (
        "most in keeping with renal cell carcinoma",
        "suspicious for clear cell carcinoma",
        "more suggestive of an oncocytoma than of a carcinoma",
        "in the first place compatible with a primary malignancy",
    ),
}

NUMBERS = {2: "Two", 3: "Three", 4: "Four", 5: "Five", 6: "Six"}
