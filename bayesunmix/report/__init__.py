"""Write reports: pages that open from disk without a network."""

from bayesunmix.report.result_page import write_report

__all__ = ["write_report"]
