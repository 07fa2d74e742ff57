"""Statements over the column files for fitting: purchase occasions, what a model needs of each customer."""

from typing import Final

# Orders of one day, by UTC, are one purchase occasion. Days after the calibration count towards the hold-out.
OCCASIONS: Final = """
CREATE TEMP TABLE occasion AS
SELECT profile_id, day, sum(net) FILTER (WHERE ordered_at <= $end) AS spent
FROM (SELECT *, ordered_at::DATE AS day FROM ({orders}) AS every WHERE ordered_at <= $now) AS dated
WHERE ordered_at <= $end OR day > $end::DATE
GROUP BY profile_id, day
"""
# The money of repeat purchases is all but that of the first day; days without any are no purchase to learn from.
CALIBRATED: Final = """
CREATE TEMP TABLE calibrated AS
SELECT
    profile_id, count(*) - 1 AS x, max(day) - min(day) AS t_x, $end::DATE - min(day) AS t,
    count(*) FILTER (WHERE spent > 0) - (arg_min(coalesce(spent, 0), day) > 0)::INTEGER AS spent_days,
    coalesce(sum(spent) FILTER (WHERE spent > 0), 0)::DOUBLE
        - greatest(arg_min(coalesce(spent, 0), day), 0)::DOUBLE AS spent
FROM occasion WHERE day <= $end::DATE GROUP BY profile_id
"""
GROUPED: Final = "SELECT x, t_x, t, count(*) AS customers FROM calibrated GROUP BY ALL ORDER BY ALL"
SPENT: Final = "SELECT spent_days AS x, spent / spent_days AS mean FROM calibrated WHERE spent_days > 0 ORDER BY ALL"
HELD_OUT_DAYS: Final = "SELECT max(day) - $end::DATE FROM occasion WHERE day > $end::DATE"
HELD_OUT: Final = """
SELECT x, t_x, t, coalesce(bought, 0) AS bought, count(*) AS customers
FROM calibrated LEFT JOIN (
    SELECT profile_id, count(*) AS bought FROM occasion WHERE day > $end::DATE GROUP BY profile_id
) AS later USING (profile_id)
GROUP BY ALL ORDER BY ALL
"""
SUMMARIES: Final = """
CREATE TEMP TABLE summary AS
SELECT row_number() OVER () AS place, * FROM read_csv(
    $rows, header = false, delim = ',', quote = '"', escape = '"', nullstr = '', auto_detect = false,
    columns = {'profile_id': 'UUID', 'x': 'DOUBLE', 't_x': 'DOUBLE', 't': 'DOUBLE', 'spent_days': 'DOUBLE',
               'spent': 'DOUBLE', 'margin': 'DOUBLE'}
)
"""
FIGURES: Final = "SELECT place, x, t_x, t, spent_days, spent, coalesce(margin, 'nan'::DOUBLE) AS margin FROM summary"
_SCORES: Final = """
COPY (
    SELECT profile_id, p_alive::DECIMAL(7,6), expected_orders::DECIMAL(12,4),
           {value}, {clv_12m}, margin IS NOT NULL
    FROM summary JOIN score USING (place)
) TO '{target}' (FORMAT csv, HEADER false)
"""


def scores(target: str) -> str:
    """Writes the table `score` to a CSV file, a line a customer of `summary`; what is not a number stays empty."""
    amounts = {name: f"CASE WHEN isfinite({name}) THEN {name}::DECIMAL(24,2) END" for name in ("value", "clv_12m")}
    return _SCORES.format(**amounts, target=target.replace("'", "''"))
