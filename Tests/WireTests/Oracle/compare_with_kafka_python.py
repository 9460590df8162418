"""Compares samples with the package kafka-python: its schemas are Kafka's own JSON files, its codec is a third one.

Only the schemas and the generic codec are used, not the classes for each message, which rename and convert fields.
Also compared here, because the schemas tell: that every version has exactly Kafka's fields, and Kafka's defaults.
"""

import functools
import io

from kafka.protocol.schemas import StructField, load_json
from kafka.protocol.schemas.fields import BaseField

from comparison import Difference, run, text_of, uuid_of

# Without schemas in the library: the consumer protocol of KIP-848, which kio compares.
UNKNOWN = {68: "ConsumerGroupHeartbeat", 69: "ConsumerGroupDescribe"}
EXEMPT = {
    (key, version): f"the library does not know {name}" for key, name in UNKNOWN.items() for version in (0, 1)
} | {
    (18, 5): "ApiVersions 5 is of Kafka 4.4, which the library does not know yet",
    (22, 6): "InitProducerId 6 (two-phase commit) is not stable in Kafka and not spoken by us",
}


@functools.cache
def schema(api, key, kind):
    data = load_json(api + kind.capitalize())
    if data["apiKey"] != key:
        raise Difference(f"{data['name']} has key {data['apiKey']}, not {key}")
    return data, StructField(data)


def versions_of(api, key, kind):
    if key in UNKNOWN:
        return range(0)
    low, high = BaseField.parse_versions(schema(api, key, kind)[0]["validVersions"])
    return range(low, high + 1)


def fields_of(structure, version):
    """The fields of the version; tagged ones last, in the order of their tags."""
    fields = [field for field in structure.fields.values() if field.for_version_q(version)]
    return sorted(fields, key=lambda field: field.tag if field.tagged_field_q(version) else -1)


def is_structure(field):
    return field.is_struct() and not field.is_array()


def default_of(field, version):
    """The default as the trees hold it."""
    if is_structure(field) and not field.nullable_for_version_q(version):
        return {inner._name: default_of(inner, version) for inner in fields_of(field, version)}
    if field.type_str == "uuid":
        return text_of(None)
    if field._nullable_versions and "default" not in field._json:
        # Kafka's generator makes a nullable field empty; here, null is what "not set" looks like.
        return None
    return {"hex": ""} if field.type_str == "bytes" else field.default


def to_library(field, value, version):
    if value is None:
        return None
    if field.is_struct_array():
        return [structure_to_library(field, element, version) for element in value]
    if is_structure(field):
        return structure_to_library(field, value, version)
    if field.is_array():
        return [to_library(field.array_of, element, version) for element in value]
    return {"uuid": uuid_of, "bytes": from_hex, "records": from_hex}.get(field.type_str, lambda same: same)(value)


def structure_to_library(structure, tree, version):
    fields = fields_of(structure, version)
    if set(tree) != {field._name for field in fields}:
        raise Difference(f"fields are {sorted(tree)}, Kafka's are {sorted(field._name for field in fields)}")
    # The library writes every tagged field that is given and does not look like its default to it.
    return {
        field.name: to_library(field, tree[field._name], version)
        for field in fields
        if not (field.tagged_field_q(version) and tree[field._name] == default_of(field, version))
    }


def from_library(field, value, version):
    if field.type_str == "uuid" and not field.is_array():
        return text_of(value)
    if value is None:
        return None
    if field.is_struct_array():
        return [structure_from_library(field, element, version) for element in value]
    if is_structure(field):
        return structure_from_library(field, value, version)
    if field.is_array():
        return [from_library(field.array_of, element, version) for element in value]
    return {"hex": value.hex()} if field.type_str in ("bytes", "records") else value


def structure_from_library(structure, values, version):
    fields = fields_of(structure, version)
    unknown = set(values) - {field.name for field in fields}
    if unknown:
        raise Difference(f"unknown fields on the wire: {unknown}")
    return {
        field._name: from_library(field, values[field.name], version)
        if field.name in values
        else default_of(field, version)
        for field in fields
    }


def from_hex(value):
    return bytes.fromhex(value["hex"])


def compare_sample(line, data):
    declaration, structure = schema(line["api"], line["key"], line["kind"])
    version, tree = line["version"], line["tree"]
    low, high = BaseField.parse_versions(declaration["flexibleVersions"])
    is_flexible = low <= version <= high
    values = structure_to_library(structure, tree, version)
    expected = structure.encode(values, version=version, compact=is_flexible, tagged=is_flexible)
    if expected != data:
        raise Difference(f"bytes are {data.hex()}, the library's are {expected.hex()}")
    stream = io.BytesIO(data)
    read = structure.decode(stream, version=version, compact=is_flexible, tagged=is_flexible)
    if stream.read():
        raise Difference("the library leaves bytes over")
    if structure_from_library(structure, read, version) != tree:
        raise Difference(f"tree is {tree}, the library reads {read}")


def compare_defaults(line):
    compare_default_fields(schema(line["api"], line["key"], line["kind"])[1], line["tree"], line["version"])


def compare_default_fields(structure, tree, version):
    fields = fields_of(structure, version)
    if set(tree) != {field._name for field in fields}:
        raise Difference(f"fields are {sorted(tree)}, Kafka's are {sorted(field._name for field in fields)}")
    for field in fields:
        value = tree[field._name]
        if field.is_struct_array():
            compare_default_fields(field, value[0], version)
        elif is_structure(field):
            compare_default_fields(field, value, version)
        elif not field.is_array() and value != default_of(field, version):
            raise Difference(f"default of {field._name} is {value}, Kafka's is {default_of(field, version)}")


run("kafka-python", versions_of, compare_sample, compare_defaults, EXEMPT)
