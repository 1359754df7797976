"""Law 8: each signed batch is delivered to each sink of its run, or a dead letter, and none is pending once the run is complete."""

from __future__ import annotations

from itertools import chain

from findings import Findings
from ledger import Ledger
from rows import Delivery, DeliveryMove, Run, Sink

LAW = 8
STATES = ("Pending", "Delivered", "Dead")


def audit_deliveries(ledger: Ledger, run: Run, findings: Findings) -> None:
    """Checks the deliveries of each sink against the signed batches, and the counts of the sink against both."""
    sinks = ledger.sinks(run)
    moves: dict[tuple[int, int], list[DeliveryMove]] = {}
    for move in ledger.delivery_moves(run):
        moves.setdefault((move.sink, move.batch), []).append(move)
    for number, sink in enumerate(sinks, start=1):
        if sink.sink != number:
            findings.violation(LAW, f"sink {sink.name}", f"has number {sink.sink} where {number} is expected")
        _one_sink(ledger, run, sink, moves, findings)
    for number, batch in sorted(moves):
        findings.violation(LAW, f"batch {batch}", f"was taken up again or discarded for sink {number}, and has no such delivery")
    for sink in sorted(ledger.sinks_of_deliveries(run) - {sink.sink for sink in sinks}):
        findings.violation(LAW, f"sink {sink}", "has deliveries, and does not exist")


def _one_sink(ledger: Ledger, run: Run, sink: Sink, moves: dict[tuple[int, int], list[DeliveryMove]], findings: Findings) -> None:
    counted = dict.fromkeys(STATES, 0)
    redriven = 0
    objects: set[bytes] = set()
    # Beyond the first batch that has not ended, none may have, in a sink that takes them in order.
    first_open: int | None = None
    for batch, deliveries in _side_by_side(ledger.signed_batches(run), ledger.deliveries(run, sink)):
        place = f"batch {_number(batch, deliveries)}"
        if batch is None:
            findings.violation(LAW, place, f"is to be delivered to {sink.name}, and is not signed")
        if not deliveries:
            findings.violation(LAW, place, f"is signed, and no delivery to {sink.name} says so")
            first_open = batch if first_open is None else first_open
        if len(deliveries) > 1:
            findings.violation(LAW, place, f"is to be delivered to {sink.name} {len(deliveries)} times")
        for delivery in deliveries:
            findings.looked_at["deliveries"] += 1
            counted[delivery.state] = counted.get(delivery.state, 0) + 1
            _one_delivery(delivery, sink, place, findings)
            _moved(delivery, moves.pop((sink.sink, delivery.batch), []), sink, place, findings)
            # What was given up and is taken up again comes when it comes, also once the run is complete.
            if delivery.state == "Pending" and delivery.redrives > 0:
                redriven += 1
            elif delivery.state == "Pending":
                first_open = delivery.batch if first_open is None else first_open
            elif sink.ordered and first_open is not None:
                findings.violation(LAW, place, f"has ended before batch {first_open} in {sink.name}, which takes them in order")
            if delivery.name_hash is not None:
                if delivery.name_hash in objects:
                    findings.violation(LAW, place, f"has the object of another batch in {sink.name}")
                objects.add(delivery.name_hash)
    if (counted["Delivered"], counted["Dead"]) != (sink.delivered, sink.dead):
        findings.violation(
            LAW, f"sink {sink.name}", f"says {sink.delivered} delivered and {sink.dead} dead, there are {counted['Delivered']} and {counted['Dead']}"
        )
    if redriven != sink.redriven:
        findings.violation(LAW, f"sink {sink.name}", f"says {sink.redriven} are taken up again, there are {redriven}")
    if run.complete and first_open is not None:
        findings.violation(LAW, f"sink {sink.name}", f"waits for batch {first_open}, and the run is complete")


def _one_delivery(delivery: Delivery, sink: Sink, place: str, findings: Findings) -> None:
    if delivery.state not in STATES:
        findings.violation(LAW, place, f"is {delivery.state} in {sink.name}, which is no state")
    if (delivery.state == "Delivered") != (delivery.name_hash is not None and delivery.digest is not None):
        findings.violation(LAW, place, f"is {delivery.state} in {sink.name}, and has or lacks an object and its digest")
    if delivery.digest is not None and len(delivery.digest) != 32:
        findings.violation(LAW, place, f"has a digest in {sink.name} that is none of SHA-256")
    if delivery.state == "Dead" and (delivery.attempts < sink.attempt_limit or not delivery.says_why):
        findings.violation(LAW, place, f"is dead in {sink.name} after {delivery.attempts} attempts of {sink.attempt_limit}, or says not why")
    if delivery.state == "Pending" and delivery.attempts >= sink.attempt_limit:
        findings.violation(LAW, place, f"is pending in {sink.name} after {delivery.attempts} attempts of {sink.attempt_limit}")


def _moved(delivery: Delivery, moves: list[DeliveryMove], sink: Sink, place: str, findings: Findings) -> None:
    """How often it was taken up again, and whether it is discarded, is what is written down."""
    kinds = [move.kind for move in moves]
    if (kinds.count("Redrive"), kinds.count("Discard")) != (delivery.redrives, int(delivery.discarded)):
        findings.violation(LAW, place, f"was taken up again {delivery.redrives} times for {sink.name}, or is discarded, which is not as it is written down")
    if [move.attempt for move in moves] != list(range(1, len(moves) + 1)) or "Discard" in kinds[:-1]:
        findings.violation(LAW, place, f"was taken up again for {sink.name} in an order that cannot be")
    if any(move.attempts < sink.attempt_limit for move in moves):
        findings.violation(LAW, place, f"was taken up again for {sink.name}, and had not been given up")
    if delivery.discarded and delivery.state != "Dead":
        findings.violation(LAW, place, f"is discarded and {delivery.state} in {sink.name}")


def _side_by_side(batches, deliveries):
    """Each batch that is signed, or delivered, with its deliveries; both come in the order of batches."""
    batches, deliveries = iter(batches), iter(deliveries)
    batch, delivery = next(batches, None), next(deliveries, None)
    while batch is not None or delivery is not None:
        number = min(n for n in (batch, None if delivery is None else delivery.batch) if n is not None)
        found = []
        while delivery is not None and delivery.batch == number:
            found.append(delivery)
            delivery = next(deliveries, None)
        yield (number if batch == number else None), found
        if batch == number:
            batch = next(batches, None)


def _number(batch: int | None, deliveries: list[Delivery]) -> int:
    return next(chain([] if batch is None else [batch], (delivery.batch for delivery in deliveries)))
