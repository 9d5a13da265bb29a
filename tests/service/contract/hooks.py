"""What the contract tester has to know about the document and HTTP."""

import schemathesis


@schemathesis.hook
def before_load_schema(context, raw_schema):
    # swag can't write a parameter's `pattern`, only extensions.
    for path in raw_schema["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", []):
                if "x-pattern" in parameter:
                    parameter["pattern"] = parameter.pop("x-pattern")

    # Nor can it write that an object has no other members.
    for name, definition in raw_schema["definitions"].items():
        if name.endswith("Request"):
            definition["additionalProperties"] = False


@schemathesis.hook
def after_call(context, case, response):
    # A 304 has no body, and so no type (RFC 9110, 15.4.5); the document can't say that of one status.
    if response.status_code == 304:
        response.headers["content-type"] = case.operation.definition.raw["produces"][:1]
