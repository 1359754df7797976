"""Law 7, what was done with dead letters: each is taken up, moved or discarded as is written down, and has one end."""

from __future__ import annotations

from collections import Counter

from findings import Findings
from ledger import Ledger
from rows import Arrival, Run

LAW = 7
# What a letter may become by each kind of act, with and without another run, and the state in which it is found afterwards. It has become
# nothing while others are asked about it.
BECOMES = {
    ("Redrive", False): {"Admitted": "Admitted", "Duplicate": "Duplicate", "Rejected": "Rejected", "Dead": "Dead", None: "Pending"},
    ("Redrive", True): {"Moved": "Dead"},
    ("Discard", False): {"Discarded": "Dead"},
}

Place = tuple[int, int, int]


class Letters:
    """What is written down of a run's dead letters: their places, and what each became in the order of its attempts."""

    def __init__(self, ledger: Ledger, run: Run) -> None:
        """Reads it whole: dead letters are few."""
        self._judged = run.policy_hash is not None
        self._acts = {
            act: (kind, into_name is not None, letters)
            for act, kind, into_name, letters in ledger.rows(
                "SELECT act, kind::text, into_name, letters FROM chancery.letter_acts WHERE run_id = %s", run.id
            )
        }
        self._moves: dict[Place, list[tuple[int, int, str | None, bool]]] = {}
        for source, split, position, attempt, act, became, judged in ledger.rows(
            """SELECT source, split, position, attempt, act, became::text, judged_at IS NOT NULL
                 FROM chancery.letter_moves WHERE run_id = %s ORDER BY attempt""",
            run.id,
        ):
            self._moves.setdefault((source, split, position), []).append((attempt, act, became, judged))
        self._waiting = {
            (source, split, position): letter
            for source, split, position, letter in ledger.rows(
                "SELECT source, split, position, letter FROM chancery.pendings WHERE run_id = %s", run.id
            )
        }
        self._unseen = set(self._moves)

    def was_dead(self, place: Place) -> bool:
        """Whether what is at this place became what it is when it was taken up again."""
        return place in self._moves

    def arrival(self, place: Place, arrival: Arrival, findings: Findings) -> None:
        """Compares what is at a place with what is written down of it."""
        if place not in self._moves:
            return
        self._unseen.discard(place)
        _, act, became, _ = self._moves[place][-1]
        kind, elsewhere, _ = self._acts.get(act, ("", False, 0))
        wanted = BECOMES.get((kind, elsewhere), {}).get(became)
        if arrival.state != wanted:
            findings.violation(LAW, _name(place), f"is written down as {became} by act {act}, and is {arrival.state}")
        if became == "Discarded" and arrival.kept:
            findings.violation(LAW, _name(place), "is discarded, and has its bytes")

    def finish(self, findings: Findings) -> None:
        """Checks acts and attempts against each other, and that no letter is gone."""
        for place, letter in self._waiting.items():
            open_attempt = next((attempt for attempt, _, became, _ in self._moves.get(place, []) if became is None), 0)
            if letter != open_attempt:
                findings.violation(LAW, _name(place), f"waits as attempt {letter}, and attempt {open_attempt} is the one that was taken up")
        for place in sorted(self._unseen):
            findings.violation(LAW, _name(place), "is written down, and is nowhere")
        if sorted(self._acts) != list(range(1, len(self._acts) + 1)):
            findings.violation(LAW, "the acts on dead letters", f"have the numbers {sorted(self._acts)}")
        counted: Counter[int] = Counter()
        for place, moves in self._moves.items():
            if [attempt for attempt, *_ in moves] != list(range(1, len(moves) + 1)):
                findings.violation(LAW, _name(place), "has attempts that are not numbered one after the other")
            for attempt, act, became, judged in moves:
                counted[act] += 1
                kind, elsewhere, _ = self._acts.get(act, ("", False, 0))
                if became not in BECOMES.get((kind, elsewhere), {}):
                    findings.violation(LAW, _name(place), f"became {became} by act {act}, which is no such act")
                if became != "Dead" and attempt != len(moves):
                    findings.violation(LAW, _name(place), f"was {became}, and then taken up again")
                if judged != (self._judged and kind == "Redrive" and not elsewhere):
                    findings.violation(LAW, _name(place), "was not judged anew as its run has it")
        for act, (_, _, letters) in self._acts.items():
            if counted[act] != letters:
                findings.violation(LAW, f"act {act}", f"is of {letters} dead letters by its own account, there are {counted[act]}")


def _name(place: Place) -> str:
    source, split, position = place
    return f"the dead letter at position {position} of split {split} of source {source}"
