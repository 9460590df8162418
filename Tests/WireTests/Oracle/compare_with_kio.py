"""Compares samples with the package kio: classes generated for each version from Kafka's definitions.

Unlike kafka-python it knows by itself when a tagged field has its default and is not written, and what is null when.
It renames fields that are times and holds them as durations and dates.
"""

import dataclasses
import datetime
import io

from kio.index import load_request_schema, load_response_schema
from kio.schema.errors import ErrorCode
from kio.schema.index import api_key_map, schema_name_map
from kio.serial import entity_reader, entity_writer
from kio.serial._introspect import EntityField, EntityTupleField, classify_field
from kio.static.constants import EntityType
from kio.static.primitive import TZAware, i32Timedelta, i64Timedelta

from comparison import Difference, Unrepresentable, run, text_of, uuid_of

EXEMPT = {
    (18, 5): "ApiVersions 5 is of Kafka 4.4, which the library does not know yet",
    (22, 6): "InitProducerId 6 (two-phase commit) is not stable in Kafka and not spoken by us",
}

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MILLISECOND = datetime.timedelta(milliseconds=1)


def versions_of(_api, key, kind):
    versions = schema_name_map[api_key_map[key]]
    return [version for version, types in versions.items() if EntityType[kind] in types]


def class_of(line):
    load = load_request_schema if line["kind"] == "request" else load_response_schema
    return load(line["key"], line["version"])


def snake(name):
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name).lstrip("_")


def names_of(entity, tree):
    """Our name of each of the class's fields."""
    names = {snake(name): name for name in tree}
    found = {}
    for field in dataclasses.fields(entity):
        # Times lose the unit at the end of their names.
        name = names.get(field.name) or names.get(field.name + "_ms")
        if name is None:
            raise Difference(f"{entity.__name__}.{field.name} is missing in {sorted(tree)}")
        found[field.name] = name
    if len(found) != len(tree):
        raise Difference(f"{sorted(tree)} are more fields than those of {entity.__name__}: {sorted(found)}")
    return found


def to_entity(entity, tree):
    names = names_of(entity, tree)
    return entity(**{field.name: to_value(field, tree[names[field.name]]) for field in dataclasses.fields(entity)})


def to_value(field, value):
    match classify_field(field):
        case EntityField(entity):
            return None if value is None else to_entity(entity, value)
        case EntityTupleField(entity):
            return None if value is None else tuple(to_entity(entity, element) for element in value)
    if isinstance(value, list):
        return tuple(to_scalar(field, element) for element in value)
    return to_scalar(field, value)


def to_scalar(field, value):
    if value is None:
        return None
    match field.metadata["kafka_type"]:
        case "uuid":
            identifier = uuid_of(value)
            return identifier if identifier.int else None
        case "bytes" | "records":
            return bytes.fromhex(value["hex"])
        case "error_code":
            return ErrorCode(value)
        case "timedelta_i32":
            return i32Timedelta.parse(value * MILLISECOND)
        case "timedelta_i64":
            return to_duration(value)
        case "datetime_i64":
            return None if value == -1 else to_date(value)
    return value


def to_date(value):
    # The library's dates start in 1970 and end before the year 10000.
    try:
        return TZAware.parse(EPOCH + value * MILLISECOND)
    except (OverflowError, TypeError) as error:
        raise Unrepresentable from error


def to_duration(value):
    # The library's long durations go through a floating point number, and end at 999,999,999 days.
    try:
        duration = i64Timedelta.parse(value * MILLISECOND)
    except (OverflowError, TypeError) as error:
        raise Unrepresentable from error
    if round(duration.total_seconds() * 1000) != value:
        raise Unrepresentable
    return duration


def from_entity(value, tree):
    names = names_of(type(value), tree)
    return {
        names[field.name]: from_value(field, getattr(value, field.name), tree[names[field.name]])
        for field in dataclasses.fields(value)
    }


def from_value(field, value, tree):
    kind = field.metadata.get("kafka_type")
    if isinstance(value, tuple):
        if not isinstance(tree, list) or len(tree) != len(value):
            raise Difference(f"{field.name} is {tree}, the library reads {value}")
        return [from_value(field, element, subtree) for element, subtree in zip(value, tree, strict=True)]
    if dataclasses.is_dataclass(value):
        if not isinstance(tree, dict):
            raise Difference(f"{field.name} is {tree}, the library reads {value}")
        return from_entity(value, tree)
    if kind == "uuid":
        return text_of(value)
    if value is None:
        return -1 if kind == "datetime_i64" else None
    match kind:
        case "bytes" | "records":
            return {"hex": bytes(value).hex()}
        case "timedelta_i32" | "timedelta_i64":
            return value // MILLISECOND
        case "datetime_i64":
            return (value - EPOCH) // MILLISECOND
    return value


def compare_sample(line, data):
    entity, tree = class_of(line), line["tree"]
    buffer = io.BytesIO()
    entity_writer(entity)(buffer, to_entity(entity, tree))
    if buffer.getvalue() != data:
        raise Difference(f"bytes are {data.hex()}, the library's are {buffer.getvalue().hex()}")
    read, size = entity_reader(entity)(data, 0)
    if size != len(data):
        raise Difference(f"the library reads {size} of {len(data)} bytes")
    if from_entity(read, tree) != tree:
        raise Difference(f"tree is {tree}, the library reads {read}")


def compare_defaults(line):
    """Where the library's class has a default, ours is the same."""
    compare_default_fields(class_of(line), line["tree"])


def compare_default_fields(entity, tree):
    names = names_of(entity, tree)
    for field in dataclasses.fields(entity):
        value = tree[names[field.name]]
        match classify_field(field):
            case EntityField(inner):
                compare_default_fields(inner, value)
            case EntityTupleField(inner):
                compare_default_fields(inner, value[0])
            case _ if field.default is not dataclasses.MISSING and not isinstance(value, list):
                if to_scalar(field, value) != field.default:
                    raise Difference(f"default of {field.name} is {value}, the library's is {field.default}")


run("kio", versions_of, compare_sample, compare_defaults, EXEMPT)
