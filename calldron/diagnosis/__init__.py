"""``calldron doctor``: looks at everything that can be wrong and says what to do."""

from calldron.config import Config
from calldron.diagnosis import calling, database, machine
from calldron.diagnosis.finding import Finding

__all__ = ["Finding", "examine"]


def examine(settings: Config) -> list[Finding]:
    """Every look in turn. Places no call and changes nothing, but that a setup which is due gets its
    token."""
    findings = [*machine.look(settings), *database.look()]
    if all(finding.good for finding in findings if finding.subject == database.SUBJECT):
        findings += calling.look(settings)
    return findings
