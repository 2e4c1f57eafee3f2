"""What technicians run on offices' equipment. Stranger to `monitor`: it hears of health through `api/glue.py` only."""
