"""Three small services that moto lacks: codeconnections, codestar-connections and codestar-notifications.

What is created is kept in memory and given back. A connection is PENDING, as on AWS, until a person confirms it; here
that is an UpdateConnectionStatus, which AWS does not have. Nor has it ReportDeployments and RollBackService, by which a
scheduler says what became of a service's tasks, ReportActions and ReportExecution, by which a pipeline's runner says what it has
done, Measure, by which a load balancer publishes its metrics, and MakeZone, which makes a hosted zone with a given ID.
"""

import json
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cloudwatch
import codepipeline
import ecs
import route53

ACCOUNT = "123456789012"

connections, rules, tags = {}, {}, {}


def create_connection(request, service, region):
    arn = f"arn:aws:{service}:{region}:{ACCOUNT}:connection/{uuid.uuid4()}"
    connections[arn] = {
        "ConnectionArn": arn,
        "ConnectionName": request["ConnectionName"],
        "ConnectionStatus": "PENDING",
        "OwnerAccountId": ACCOUNT,
        "ProviderType": request.get("ProviderType"),
    }
    tags[arn] = request.get("Tags") or []
    return {"ConnectionArn": arn, "Tags": tags[arn]}


def update_connection_status(request, *_):
    connections[request["ConnectionArn"]]["ConnectionStatus"] = request["ConnectionStatus"]
    return {}


def delete_connection(request, *_):
    del connections[request["ConnectionArn"]]
    return {}


def tag(request, *_):
    given = {item["Key"]: item for item in [*tags.get(request["ResourceArn"], []), *request["Tags"]]}
    tags[request["ResourceArn"]] = list(given.values())
    return {}


def untag(request, *_):
    kept = [item for item in tags.get(request["ResourceArn"], []) if item["Key"] not in request["TagKeys"]]
    tags[request["ResourceArn"]] = kept
    return {}


def rule_from(request):
    return {
        "Name": request["Name"],
        "DetailType": request["DetailType"],
        "Status": request.get("Status", "ENABLED"),
        "EventTypes": [{"EventTypeId": event} for event in request["EventTypeIds"]],
        "Targets": [{**target, "TargetStatus": "ACTIVE"} for target in request["Targets"]],
    }


def create_rule(request, _service, region):
    arn = f"arn:aws:codestar-notifications:{region}:{ACCOUNT}:notificationrule/{uuid.uuid4().hex}"
    rules[arn] = {"Arn": arn, "Resource": request["Resource"], "Tags": request.get("Tags") or {}, **rule_from(request)}
    return {"Arn": arn}


def update_rule(request, *_):
    rules[request["Arn"]].update(rule_from(request))
    return {}


def delete_rule(request, *_):
    return {"Arn": rules.pop(request["Arn"])["Arn"]}


def delete_target(request, *_):
    for rule in rules.values():
        rule["Targets"] = [target for target in rule["Targets"] if target["TargetAddress"] != request["TargetAddress"]]
    return {}


OPERATIONS = {
    "CreateConnection": create_connection,
    "GetConnection": lambda request, *_: {"Connection": connections[request["ConnectionArn"]]},
    "UpdateConnectionStatus": update_connection_status,
    "DeleteConnection": delete_connection,
    "ReportActions": codepipeline.report,
    "ReportExecution": codepipeline.report_execution,
    "ReportDeployments": ecs.report,
    "RollBackService": ecs.roll_back,
    "Measure": cloudwatch.measure,
    "MakeZone": route53.make,
    "ListTagsForResource": lambda request, *_: {"Tags": tags[request["ResourceArn"]]},
    "TagResource": tag,
    "UntagResource": untag,
    "createNotificationRule": create_rule,
    "describeNotificationRule": lambda request, *_: rules[request["Arn"]],
    "updateNotificationRule": update_rule,
    "deleteNotificationRule": delete_rule,
    "deleteTarget": delete_target,
    "listTagsForResource": lambda request, *_: {"Tags": rules[request["Arn"]]["Tags"]},
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(data)))
        if status >= 400:
            self.send_header("x-amzn-ErrorType", body["__type"])
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
        # The two kinds of connections name their operation in a header, notifications in the path.
        target = self.headers.get("X-Amz-Target")
        operation = target.rsplit(".", 1)[1] if target else self.path.strip("/")
        service = "codeconnections" if target and "codeconnections" in target.lower() else "codestar-connections"
        region = self.headers.get("Authorization", "//eu-west-1").split("/")[2]

        if operation not in OPERATIONS:
            return self.answer(400, {"__type": "InvalidAction", "message": operation})
        try:
            self.answer(200, OPERATIONS[operation](request, service, region))
        except KeyError as missing:
            self.answer(400 if target else 404, {"__type": "ResourceNotFoundException", "message": str(missing)})


def serve(port):
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
