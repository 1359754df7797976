"""What an audit finds, in words, and how much it looked at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

# Violations of one law that are kept in words; all are counted.
MOST_IN_WORDS = 100

LAWS = {
    1: "every record, once",
    2: "true signatures",
    3: "one key a batch",
    4: "no shared key",
    5: "least recently used",
    6: "nothing lost",
    7: "every arrival accounted for",
    8: "every signed record delivered",
}


@dataclass(frozen=True)
class Violation:
    """One thing that does not hold."""

    law: int
    # What it is about: "record 17", "lease 5".
    place: str
    sentence: str


@dataclass
class Findings:
    """Violations and counts, filled while the audit goes on."""

    violations: list[Violation] = field(default_factory=list)
    violated: Counter[int] = field(default_factory=Counter)
    looked_at: Counter[str] = field(default_factory=Counter)

    def violation(self, law: int, place: str, sentence: str) -> None:
        """Notes that a law does not hold. `sentence` goes on where `place` ends."""
        self.violated[law] += 1
        if self.violated[law] <= MOST_IN_WORDS:
            self.violations.append(Violation(law, place, f"{place} {sentence}"))

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.violated
