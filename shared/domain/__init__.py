"""Values and rules that know no system: records, plans, money, errors. Imports nothing of the product."""
