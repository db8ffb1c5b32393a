"""Keys that experiment files had once, and what to write in their place. A key that goes gets a line here."""

_KINDS = "write how many of each kind there are on average, the old mean times the old share"

REMOVED: dict[tuple[int | str, ...], str] = {
    ("phantom", "distractors", "pancreas_mean"): f"{_KINDS}, as in 'pancreas: {{cyst: 0.2, fat: 0.15}}'",
    ("phantom", "distractors", "kidney_mean"): f"{_KINDS}, as in 'kidney: {{cyst: 0.3, fat: 0.1}}'",
    ("phantom", "distractors", "pancreas_kinds"): f"{_KINDS}, as in 'pancreas: {{cyst: 0.2, vessel: 0.15}}'",
    ("phantom", "distractors", "kidney_kinds"): f"{_KINDS}, as in 'kidney: {{cyst: 0.3, vessel: 0.1}}'",
    ("phantom", "distractors", "cleft_mm"): (
        "write 'fat_mm', the range of the diameter of fatty lobules: round ones took the place of long clefts"
    ),
}
