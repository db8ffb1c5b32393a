"""Wordings of the phantom hospital's radiologists; `reports.py` chooses among them."""

TUMOR_SIZED = (
    "There is {a_size} {kind} in the {where}.",
    "{A_kind} in the {where} measures {size}.",
    "In the {where}, there is {a_kind} measuring {size}.",
    "{Short} {plain}, {size}.",
    "The {where} contains {a_kind} of {size}.",
    "{A_kind} is seen in the {where}. It measures {size}.",
    "{A_kind} centered in the {where}, measuring {size}, abuts the adjacent vessels without encasement.",
    "The {where} shows {a_kind} ({size}).",
)
TUMOR_UNSIZED = (
    "There is {a_kind} in the {where}.",
    "{A_kind} is seen in the {where}, with ill-defined margins.",
    "The {where} contains {a_kind}, difficult to measure.",
    "{Short} {plain} with indistinct borders.",
)
PRIOR = (
    "{size}, previously {prior}",
    "{size} (previously {prior})",
    "{size}, compared to {prior} on the prior examination",
    "currently {size}, compared with {prior}",
)
NOUNS = ("mass", "lesion", "tumor", "solid mass", "nodule")
ATTENUATION = {
    "hypo": ("hypoattenuating", "hypodense", "hypoenhancing", "low-density"),
    "hyper": ("hyperattenuating", "hyperenhancing", "hyperdense"),
    "heterogeneous": ("heterogeneous", "heterogeneously enhancing"),
}
WHERE = {
    "pancreas": ("pancreas",),
    "pancreas_head": (
        "pancreatic head",
        "head of the pancreas",
        "uncinate process",
        "uncinate process of the pancreas",
        "pancreatic neck",
    ),
    "pancreas_body": ("pancreatic body", "body of the pancreas"),
    "pancreas_tail": ("pancreatic tail", "tail of the pancreas"),
    "kidney_left": (
        "left kidney",
        "upper pole of the left kidney",
        "lower pole of the left kidney",
        "interpolar region of the left kidney",
        "left renal cortex",
    ),
    "kidney_right": (
        "right kidney",
        "upper pole of the right kidney",
        "lower pole of the right kidney",
        "interpolar region of the right kidney",
        "right renal cortex",
    ),
    "liver": ("liver", "right hepatic lobe"),
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
        "The pancreas is normal in size and enhancement.",
        "No focal pancreatic lesion.",
        "The pancreas is unremarkable without mass or surrounding fluid.",
        "No mass is identified in the head, body or tail of the pancreas.",
        "The pancreas shows normal attenuation, with no discrete mass.",
    ),
    "kidney": (
        "The kidneys enhance symmetrically without focal mass.",
        "No solid renal mass.",
        "Both kidneys are normal in size, with no suspicious lesion or hydronephrosis.",
        "No enhancing mass is seen in either kidney.",
        "The kidneys are without solid lesion.",
    ),
}
OTHER_KIDNEY = (
    "The {side} kidney is unremarkable.",
    "No mass in the {side} kidney.",
    "The {side} kidney enhances normally.",
)
REST_OF_PANCREAS = (
    "The remainder of the pancreas is unremarkable.",
    "No other pancreatic lesion.",
    "The gland is otherwise atrophic.",
)
CYST = (
    "{A_size} simple cyst is present in the {where}.",
    "Simple cyst in the {where}, {size}, needing no follow-up.",
    "A non-enhancing cystic lesion in the {where} measures {size}, consistent with a simple cyst.",
    "There is {a_size} cyst in the {where}, unchanged.",
)
DUCT = (
    "The main pancreatic duct is dilated, measuring {size}.",
    "There is dilatation of the pancreatic duct to {size}.",
    "Dilated main pancreatic duct ({size}) without visible stone.",
)
DUCT_NORMAL = "The pancreatic duct is not dilated."
STONE = (
    "{A_size} nonobstructing stone in the {where}.",
    "A calculus of {size} is seen in the {where}, without hydronephrosis.",
)
KIDNEY_LENGTH = "The {side} kidney measures {size} in length."
ELSEWHERE = (
    "The liver is normal in size and attenuation.",
    "The spleen measures 10.4 cm and is homogeneous.",
    "The gallbladder is unremarkable, without stones.",
    "The adrenal glands are normal.",
    "A lymph node in the porta hepatis measures 12 x 8 mm.",
    "A 9 mm hypodense lesion in the right hepatic lobe is too small to characterize.",
    "No retroperitoneal adenopathy.",
    "The bowel is of normal caliber, without obstruction.",
    "No suspicious osseous lesion.",
    "Mild atherosclerosis of the abdominal aorta, without aneurysm.",
)
HISTORY = (
    "{age}-year-old {person} with abdominal pain.",
    "{age}-year-old {person}. Evaluate for pancreatic mass.",
    "{age}-year-old {person} with weight loss, rule out renal tumor.",
    "Follow-up of {person}, age {age}, seen with a 3 cm mass elsewhere.",
)
PERSONS = {"F": "woman", "M": "man"}
PHASES = {
    "plain": "Axial images were obtained without intravenous contrast.",
    "arterial": "Axial images of 5 mm were obtained in the late arterial phase.",
    "venous": "Axial images were obtained in the portal venous phase after intravenous contrast.",
}
SUMMARY = (
    "{A_plain} in the {where}{comma_size}, suspicious for {diagnosis}.",
    "{Short} {plain}{comma_size}, concerning for {diagnosis}.",
    "Findings in the {where} as described, most consistent with {diagnosis}.",
)
SUMMARY_SEVERAL = {
    "pancreas": ("{n} pancreatic masses as described above.", "{n} lesions of the pancreas, see above."),
    "kidney": ("{n} renal masses as described above.", "{n} lesions of the kidneys, see above."),
}
SUMMARY_FREE = {
    "pancreas": ("No pancreatic mass.", "No evidence of pancreatic malignancy."),
    "kidney": ("No renal mass.", "No evidence of renal neoplasm."),
}
DIAGNOSIS = {"pancreas": ("adenocarcinoma", "malignancy"), "kidney": ("renal cell carcinoma", "neoplasm")}
NUMBERS = {2: "Two", 3: "Three", 4: "Four", 5: "Five", 6: "Six"}
