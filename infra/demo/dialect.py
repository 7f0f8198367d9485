"""The same work in the words of each template: Python, or nothing but busybox."""

from dataclasses import dataclass

SUMMARISE_PY = """\
import csv, sys
totals = {}
with open("sales.csv") as sales:
    for row in csv.DictReader(sales):
        count, cents = totals.get(row["region"], (0, 0))
        totals[row["region"]] = count + 1, cents + int(row["cents"])
with open("summary.csv", "w") as summary:
    print("region,rows,cents", file=summary)
    for region in sorted(totals):
        print(region, *totals[region], sep=",", file=summary)
print(len(totals), "regions")
"""

SUMMARISE_SH = """\
echo region,rows,cents > summary.csv
awk -F, 'NR > 1 { count[$2]++; cents[$2] += $3 }
  END { for (region in count) printf "%s,%d,%.0f\\n", region, count[region], cents[region] }' \\
  sales.csv | sort >> summary.csv
echo $(($(wc -l < summary.csv) - 1)) regions
"""

SUM_PY = 'python3 -c "print(sum(range(10**6)))"'
SUM_SH = """seq 0 999999 | awk '{ sum += $1 } END { printf "%.0f\\n", sum }'"""


@dataclass(frozen=True, slots=True)
class Dialect:
    """Commands for one template."""

    template: str
    sum_of_a_million: str
    """Prints 499999500000."""
    script_name: str
    script: str
    """Reads sales.csv, writes summary.csv, prints "4 regions"."""
    run_script: str
    serve: str
    """Serves the working directory on port 8000."""


DIALECTS = {
    "default": Dialect(
        template="default",
        sum_of_a_million=SUM_PY,
        script_name="summarise.py",
        script=SUMMARISE_PY,
        run_script="python3 summarise.py",
        serve="python3 -m http.server 8000",
    ),
    "minimal": Dialect(
        template="minimal",
        sum_of_a_million=SUM_SH,
        script_name="summarise.sh",
        script=SUMMARISE_SH,
        run_script="sh summarise.sh",
        serve="httpd -f -p 8000 -h .",
    ),
}
