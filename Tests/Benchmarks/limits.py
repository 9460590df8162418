"""What Martlet must reach, and how a report says whether it did."""

# Of the bare loop's bytes per CPU second, at least.
FETCH = 0.85
# Of the bare loop's CPU seconds per byte, at most.
PRODUCE = 1.5
# Seconds from the start on an empty directory to the first answered Metadata, at most.
COLD_START = 0.100
# Bytes resident in an idle broker, at most.
IDLE_MEMORY = 30e6


def show(report):
    """Prints the report for people."""
    print(f"{report['machine']}; {report['version']}")
    batches = f"batches of 1 MiB with {report['records_per_batch']} records, {report['partitions']} partitions"
    print(f"{report['bytes_per_pass'] / 1e9:.2f} GB per pass in {batches}, medians of {report['repeats']}\n")
    print(f"{'':24}{'produce':>26}{'fetch':>26}")
    print(f"{'':24}{'GB/s':>12}{'CPU s/GB':>14}{'GB/s':>12}{'CPU s/GB':>14}")
    for name, modes in report["medians"].items():
        cells = [
            f"{modes[mode]['gigabytes_per_second']:12.2f}{modes[mode]['cpu_seconds_per_gigabyte']:14.3f}"
            for mode in ("produce", "fetch")
        ]
        print(f"{name:24}{''.join(cells)}")
    print()
    for name, ratio in report["ratios"].items():
        within = report["within_limits"] if name == "Martlet" else {}
        line(f"{name}, produce: CPU per byte, of the C loop's", f"{ratio['produce_cpu_per_byte']:.2f}")
        verdict(within.get("produce"), f"at most {PRODUCE}")
        line(f"{name}, fetch: bytes per CPU second, of the C loop's", f"{ratio['fetch_bytes_per_cpu']:.2f}")
        verdict(within.get("fetch"), f"at least {FETCH}")
    within = report["within_limits"]
    line("Cold start to the first answered Metadata", f"{report['cold_start_seconds']['median'] * 1000:.1f} ms")
    verdict(within["cold_start"], f"at most {COLD_START * 1000:.0f} ms")
    line("Resident memory, idle", f"{report['resident_bytes']['idle'] / 1e6:.1f} MB")
    verdict(within["idle_memory"], f"at most {IDLE_MEMORY / 1e6:.0f} MB")
    line("Resident memory, after the load", f"{report['resident_bytes']['after_the_load'] / 1e6:.1f} MB")
    verdict(None, "")


def line(what, figure):
    print(f"{what:56}{figure:>12}", end="")


def verdict(is_within, limit):
    """Ends the line: with nothing where there is no limit."""
    print("" if is_within is None else f"   {'ok' if is_within else 'MISSED'}, {limit}")
