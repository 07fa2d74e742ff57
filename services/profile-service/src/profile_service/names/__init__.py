"""Names of people in Latin, Chinese and Vietnamese order and scripts: cleaned, ordered, split, folded for comparing."""
