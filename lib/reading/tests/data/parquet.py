"""Makes the Parquet files of this folder, and what has to come of every one, with pyarrow.

    python -m venv /tmp/venv && /tmp/venv/bin/pip install pyarrow==26.0.1
    /tmp/venv/bin/python parquet.py

The canonical form is written here a second time, from the columns as pyarrow reads them.
"""

import base64
import datetime
import decimal
import json
import math
import pathlib
import random
import shutil
import struct

import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent
EPOCH = datetime.date(1970, 1, 1)


def number(value):
    """As ECMAScript prints a double, or a string where JSON has no number."""
    if math.isnan(value):
        return '"NaN"'
    if math.isinf(value):
        return '"Infinity"' if value > 0 else '"-Infinity"'
    if value == 0:
        return '"-0"' if math.copysign(1, value) < 0 else "0"
    sign = "-" if value < 0 else ""
    _, digits, exponent = decimal.Decimal(repr(abs(value))).normalize().as_tuple()
    digits = "".join(map(str, digits))
    point = len(digits) + exponent
    if 0 < point <= 21:
        if exponent >= 0:
            return sign + digits + "0" * exponent
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{sign}{mantissa}e{point - 1:+d}"


def text(value):
    return json.dumps(value, ensure_ascii=False)


UNITS = {"s": 1, "ms": 1000, "us": 10**6, "ns": 10**9}


def clock(value, unit):
    seconds, fraction = divmod(value, UNITS[unit])
    digits = {"ms": 3, "us": 6, "ns": 9}[unit]
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:0{digits}}"


def canonical(value, kind):
    """`value` is a pyarrow scalar."""
    if not value.is_valid:
        return "null"
    if pa.types.is_dictionary(kind):
        return canonical(value.value if hasattr(value, "value") and isinstance(value.value, pa.Scalar) else pa.scalar(value.as_py(), kind.value_type), kind.value_type)
    if pa.types.is_boolean(kind):
        return "true" if value.as_py() else "false"
    if pa.types.is_integer(kind):
        return text(str(value.as_py())) if kind.bit_width == 64 else str(value.as_py())
    if pa.types.is_floating(kind):
        return number(float(value.as_py()))
    if pa.types.is_decimal(kind):
        return text(f"{value.as_py():.{kind.scale}f}")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return text(value.as_py())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return text(base64.b64encode(value.as_py()).decode())
    if pa.types.is_date32(kind):
        return text((EPOCH + datetime.timedelta(days=value.value)).isoformat())
    if pa.types.is_time(kind):
        return text(clock(value.value, kind.unit))
    if pa.types.is_timestamp(kind):
        per_day = 86400 * UNITS[kind.unit]
        days, rest = divmod(value.value, per_day)
        day = (EPOCH + datetime.timedelta(days=days)).isoformat()
        return text(f"{day}T{clock(rest, kind.unit)}{'Z' if kind.tz else ''}")
    if pa.types.is_map(kind):
        entries = value.values
        keys, items = entries.field(0), entries.field(1)
        pairs = (
            f'{{"key":{canonical(keys[at], kind.key_type)},"value":{canonical(items[at], kind.item_type)}}}'
            for at in range(len(keys))
        )
        return f"[{','.join(pairs)}]"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"[{','.join(canonical(one, kind.value_type) for one in value.values)}]"
    if pa.types.is_struct(kind):
        return members((field.name, value[field.name], field.type) for field in kind)
    raise TypeError(kind)


def members(fields):
    fields = sorted(fields, key=lambda field: field[0].encode("utf-16-be"))
    return "{" + ",".join(f"{text(name)}:{canonical(value, kind)}" for name, value, kind in fields) + "}"


def expect(name):
    table = pq.ParquetFile(HERE / f"{name}.parquet").read()
    columns = [(field.name, table.column(at), field.type) for at, field in enumerate(table.schema)]
    rows = (members((name, column[row], kind) for name, column, kind in columns) for row in range(table.num_rows))
    (HERE / f"{name}.expected.ndjson").write_text("".join(row + "\n" for row in rows))


def types():
    """All types, with values at their ends, and nulls and empty arrays at every level."""
    draw = random.Random(7)
    count = 60
    some = lambda values: [None if draw.random() < 0.2 else draw.choice(values) for _ in range(count)]
    half = lambda value: struct.unpack("<e", struct.pack("<e", value))[0]
    single = lambda value: struct.unpack("<f", struct.pack("<f", value))[0]
    doubles = [0.0, -0.0, 0.1, 1e21, 1e-7, -1.5, 1e300, math.inf, -math.inf, math.nan, 5e-324, 123456789.0]
    nested = [[], [[]], [[1]], [[1, None], [], None, [2, 3]], [None]]
    structs = [{"b": 1, "a": "x"}, {"b": None, "a": None}, {"b": 2, "a": ""}]
    deep = [{"list": [{"x": [1, 2], "y": {"k": None}}, None]}, {"list": None}, {"list": []}]
    utc = "UTC"
    column = lambda values, kind: (some(values), kind)
    columns = {
        "boolean": column([True, False], pa.bool_()),
        "int8": column([-128, 127], pa.int8()),
        "int16": column([-(2**15), 2**15 - 1], pa.int16()),
        "int32": column([-(2**31), 2**31 - 1], pa.int32()),
        "int64": column([-(2**63), 2**63 - 1, 2**53 + 1, 0], pa.int64()),
        "uint8": column([0, 255], pa.uint8()),
        "uint16": column([0, 65535], pa.uint16()),
        "uint32": column([0, 2**32 - 1], pa.uint32()),
        "uint64": column([0, 2**64 - 1], pa.uint64()),
        "half": column([half(value) for value in [0.0, -0.0, 1.5, 65504.0, 6e-8, math.inf]], pa.float16()),
        "float": column([single(value) for value in [0.1, -0.0, 1e38, math.nan]], pa.float32()),
        "double": column(doubles, pa.float64()),
        "string": column(["", "a", "\u00e4\u20ac\U0001f600", 'q"\\\n\t\x00'], pa.string()),
        "\U0001f600 name": column(["x"], pa.string()),
        "\ufb33 name": column(["y"], pa.large_string()),
        "binary": column([b"", b"\x00\xff", bytes(range(256))], pa.binary()),
        "fixed": column([b"1234567"], pa.binary(7)),
        "date": column([EPOCH, datetime.date(1, 1, 1), datetime.date(9999, 12, 31)], pa.date32()),
        "time_ms": column([0, 86399999], pa.time32("ms")),
        "time_us": column([0, 86399999999], pa.time64("us")),
        "time_ns": column([0, 86399999999999], pa.time64("ns")),
        "instant_ms": column([-1, 0, 253402300799999], pa.timestamp("ms", tz=utc)),
        "instant_us": column([-1, 253402300799999999], pa.timestamp("us", tz=utc)),
        "instant_ns": column([-1, 2**63 - 1, -(2**63)], pa.timestamp("ns")),
        "decimal9": column([decimal.Decimal("-0.05"), decimal.Decimal("9999999.99")], pa.decimal128(9, 2)),
        "decimal18": column([decimal.Decimal("123456789012345678")], pa.decimal128(18, 0)),
        "decimal38": column([decimal.Decimal("-99999999999999999999999999999.000000001")], pa.decimal128(38, 9)),
        "decimal76": column([decimal.Decimal("1" * 66 + "." + "2" * 10)], pa.decimal256(76, 10)),
        "list": column([[], [None], ["a", None, "b"]], pa.list_(pa.string())),
        "nested": column(nested, pa.list_(pa.list_(pa.int32()))),
        "struct": column(structs, pa.struct([("b", pa.int32()), ("a", pa.string())])),
        "map": column([[], [("k", 1), ("k", None)], [("", 0)]], pa.map_(pa.string(), pa.int64())),
        "deep": column(
            deep,
            pa.struct([("list", pa.list_(pa.struct([("x", pa.list_(pa.int16())), ("y", pa.struct([("k", pa.bool_())]))])))]),
        ),
    }
    names = list(columns)
    arrays = [pa.array(values, kind) for values, kind in columns.values()]
    table = pa.table(dict(zip(names, arrays)))
    required = pa.table({"id": pa.array(range(count), pa.int32())}, schema=pa.schema([pa.field("id", pa.int32(), nullable=False)]))
    return table.append_column(required.schema.field(0), required.column(0))


def main():
    table = types()
    variants = {
        "snappy": {"compression": "snappy"},
        "gzip-v2": {"compression": "gzip", "data_page_version": "2.0"},
        "brotli": {"compression": "brotli", "use_dictionary": False},
        "zstd-v2": {"compression": "zstd", "data_page_version": "2.0", "use_dictionary": False},
        "lz4": {"compression": "lz4"},
        "plain": {"compression": "none", "data_page_size": 64, "write_page_index": True},
    }
    for name, options in variants.items():
        file = f"types-{name}"
        pq.write_table(table, HERE / f"{file}.parquet", row_group_size=25, version="2.6", **options)
        expect(file)
    # All are the same rows.
    for name in list(variants)[1:]:
        first, other = (HERE / f"types-{one}.expected.ndjson" for one in ("snappy", name))
        assert first.read_text() == other.read_text(), name
        other.unlink()
    (HERE / "types-snappy.expected.ndjson").rename(HERE / "types.expected.ndjson")

    numbers = list(range(-500, 500))
    encoded = pa.table({
        "delta": pa.array(numbers, pa.int64()),
        "split": pa.array([one / 7 for one in numbers], pa.float64()),
        "lengths": pa.array([str(one) * (one % 5) for one in numbers], pa.string()),
        "strings": pa.array([f"prefix {one // 10}" for one in numbers], pa.string()),
        "old": pa.array([one * 10**9 + 1 for one in numbers], pa.timestamp("ns")),
    })
    pq.write_table(
        encoded.drop(["old"]), HERE / "encodings.parquet", use_dictionary=False,
        column_encoding={"delta": "DELTA_BINARY_PACKED", "split": "BYTE_STREAM_SPLIT",
                         "lengths": "DELTA_LENGTH_BYTE_ARRAY", "strings": "DELTA_BYTE_ARRAY"})
    expect("encodings")
    pq.write_table(encoded.select(["old"]).slice(0, 50), HERE / "int96.parquet", use_deprecated_int96_timestamps=True)
    expect("int96")
    pq.write_table(encoded.slice(0, 0), HERE / "no-rows.parquet")

    others = pathlib.Path(pa.__file__).parent / "tests/data/parquet"
    for file in sorted(others.glob("*.parquet")):
        shutil.copy(file, HERE / f"pyarrow-{file.name}")
        expect(f"pyarrow-{file.stem}")


main()
