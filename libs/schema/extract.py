#!/usr/bin/env python3
"""Cut the types that Marea speaks out of Kubernetes' own swagger.json.

usage: extract.py OPENAPI-SPEC > src/kubernetes.json

OPENAPI-SPEC is the folder api/openapi-spec of the Kubernetes release named in
src/lib.rs: list and map types are taken from its swagger.json, defaults from
its v3 files (the former leaves them out). Descriptions, paths and types that no
root reaches are left out.
"""

import json
import pathlib
import sys

ROOTS = [
    "io.k8s.api.apps.v1.ControllerRevision",
    "io.k8s.api.apps.v1.Deployment",
    "io.k8s.api.apps.v1.ReplicaSet",
    "io.k8s.api.apps.v1.StatefulSet",
    "io.k8s.api.autoscaling.v1.Scale",
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
    "io.k8s.api.batch.v1.CronJob",
    "io.k8s.api.batch.v1.Job",
    "io.k8s.api.coordination.v1.Lease",
    "io.k8s.api.core.v1.ConfigMap",
    "io.k8s.api.core.v1.Event",
    "io.k8s.api.core.v1.Namespace",
    "io.k8s.api.core.v1.PersistentVolumeClaim",
    "io.k8s.api.core.v1.Pod",
    "io.k8s.api.core.v1.Secret",
    "io.k8s.api.core.v1.Service",
    "io.k8s.api.core.v1.ServiceAccount",
    "io.k8s.api.discovery.v1.EndpointSlice",
    "io.k8s.api.networking.v1.Ingress",
    "io.k8s.api.networking.v1.NetworkPolicy",
    "io.k8s.api.policy.v1.PodDisruptionBudget",
    "io.k8s.api.rbac.v1.Role",
    "io.k8s.api.rbac.v1.RoleBinding",
    "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Status",
]
SCALARS = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "time",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "any",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "any",
}


def shape(prop):
    """One property's shape: {type|ref, items|values, list, keys, atomic, default, enum}."""
    out = {}
    reference = prop.get("$ref", "").removeprefix("#/definitions/")
    if reference in SCALARS:
        out["type"] = SCALARS[reference]
    elif reference:
        out["ref"] = reference
    elif prop.get("type") == "array":
        out["type"] = "list"
        out["items"] = shape(prop["items"])
        out["list"] = prop.get("x-kubernetes-list-type", "atomic")
        if out["list"] == "map":
            out["keys"] = prop["x-kubernetes-list-map-keys"]
    elif prop.get("type") == "object" and "additionalProperties" in prop:
        out["type"] = "map"
        out["values"] = shape(prop["additionalProperties"])
    elif prop.get("type") == "object":
        out["type"] = "any"
    else:
        out["type"] = {"int32": "int32", "int64": "int64", "byte": "bytes", "double": "number"}.get(
            prop.get("format"), prop["type"]
        )
    if prop.get("x-kubernetes-map-type") == "atomic":
        out["atomic"] = True
    if prop.get("default") not in (None, {}, ""):
        out["default"] = prop["default"]
    if "enum" in prop:
        out["enum"] = prop["enum"]
    return out


def add_defaults(definitions, document):
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        for field, prop in schema.get("properties", {}).items():
            if "default" in prop:
                definitions[name]["properties"][field]["default"] = prop["default"]


def references(node):
    if isinstance(node, dict):
        if "ref" in node:
            yield node["ref"]
        for value in node.values():
            yield from references(value)


def main():
    folder = pathlib.Path(sys.argv[1])
    definitions = json.loads((folder / "swagger.json").read_text("utf-8"))["definitions"]
    for path in folder.glob("v3/apis*__*_openapi.json"):
        add_defaults(definitions, json.loads(path.read_text("utf-8")))
    add_defaults(definitions, json.loads((folder / "v3/api__v1_openapi.json").read_text("utf-8")))
    types, queue = {}, list(ROOTS)
    while queue:
        name = queue.pop()
        if name in types:
            continue
        definition = definitions[name]
        fields = {key: shape(prop) for key, prop in definition.get("properties", {}).items()}
        entry = {"fields": fields}
        if definition.get("required"):
            entry["required"] = definition["required"]
        if definition.get("x-kubernetes-map-type") == "atomic":
            entry["atomic"] = True
        kinds = definition.get("x-kubernetes-group-version-kind", [])
        if name in ROOTS and len(kinds) == 1:
            entry["kind"] = kinds[0]
        types[name] = entry
        queue.extend(references(fields))
    for root in ROOTS:
        assert root in types, root
    print("{")
    rows = [f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'), sort_keys=True)}" for k, v in sorted(types.items())]
    print(",\n".join(rows))
    print("}")


if __name__ == "__main__":
    main()
