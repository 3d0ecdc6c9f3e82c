"""What the benchmarks print."""

import argparse
from typing import Any

RESULT_HEADER = (
    f"{'problem':<14}{'images/s':>10}{'reference':>11}{'ratio':>8}{'GFLOP/s':>10}{'% of peak':>11}"
    f"{'peak MB':>9}{'epoch s':>10}"
)


def positive(text: str) -> float:
    """Return a number of seconds for argparse, which turns the ValueError into its message."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not greater than 0")
    return value


def environment_lines(environment: dict[str, Any]) -> list[str]:
    rates, sides = environment["matmul_gflops"], environment["matmul_side"]
    products = ", ".join(f"{name} {rates[name]:,.1f} GFLOP/s ({sides[name]}^3)" for name in rates)
    sizes = ", ".join(map(str, sorted(set(environment["batch_size"].values()))))
    peak_of = environment["peak_of"]
    reason = "native here" if peak_of == "bfloat16" else "bfloat16 is not native here"
    return [
        f"{environment['hardware']}; device {environment['device']}, {environment['threads']} threads",
        f"torch {environment['torch']}, Python {environment['python']}, ours trains in {environment['precision']}",
        f"data: {environment['data']} ({environment['data_from']})",
        f"matrix products: {products}; percent of peak is of {peak_of} ({reason})",
        f"batches of {sizes}; {environment['seconds']:g} s a side, medians of {environment['rounds']} rounds",
    ]


def start_lines(seconds: dict[str, float]) -> list[str]:
    return ["start: " + ", ".join(f"{name} {value:.3f} s" for name, value in seconds.items())]


def result_line(result: dict[str, Any]) -> str:
    return (
        f"{result['problem']:<14}{result['images_per_s']:>10,.1f}{result['reference_images_per_s']:>11,.1f}"
        f"{result['ratio']:>8.2f}{result['gflops']:>10,.1f}{100 * result['peak_fraction']:>11.1f}"
        f"{result['peak_memory_mb']:>9,.0f}{result['epoch_s']:>10,.2f}"
    )


def scaling_lines(rows: list[dict[str, Any]]) -> list[str]:
    head = f"{'scaling of':<14}{'images':>10}{'epochs':>8}{'seconds':>10}{'of linear':>11}"
    return [head] + [
        f"{row['problem']:<14}{row['images']:>10,}{row['epochs']:>8}{row['seconds']:>10.2f}{row['of_linear']:>11.2f}"
        for row in rows
    ]


def memory_lines(memory: dict[str, Any]) -> list[str]:
    inside = "inside" if memory["above_data_mb"] <= memory["allowed_above_data_mb"] else "ABOVE"
    return [
        f"memory of p3 ({memory['training']}): peak {memory['peak_mb']:,.0f} MB, the images"
        f" {memory['uint8_data_mb']:,.0f} MB of it; {memory['above_data_mb']:,.0f} MB above them, {inside} the allowed"
        f" {memory['allowed_above_data_mb']:,} MB"
    ]


def full_lines(report: dict[str, Any]) -> list[str]:
    """The table of the full profile, projected or measured."""
    lines = [f"{'training':<32}{'steps':>9}{'ms a step':>11}{'set-up s':>10}{'seconds':>11}"]
    for row in report["trainings"]:
        setup = "" if row["setup_s"] is None else f"{row['setup_s']:.1f}"
        lines.append(
            f"{row['name']:<32}{row['steps']:>9,}{1000 * row['step_s']:>11.3f}{setup:>10}{row['seconds']:>11,.1f}"
        )
    how = "measured" if report["measured"] else "projected from the time of a step"
    total, goal = report["total_s"], report["goal_s"]
    return [
        *lines,
        f"{how}: {total:,.1f} s = {total / 60:,.1f} min of training; the goal on one H200 is {goal / 60:.0f}",
    ]
