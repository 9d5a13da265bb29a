"""CodePipeline's timestamps are text, but the SDK for Go reads numbers: no pipeline can be read back.

Any structure passes for a pipeline. What AWS refuses of names, namespaces and artifacts is refused here.

moto does not know ListActionExecutions and ListPipelineExecutions. What they list here is what the runner of the pipeline has reported.
"""

import json
import time
import uuid

from moto.codepipeline.exceptions import InvalidStructureException
from moto.codepipeline.models import CodePipeline, CodePipelineBackend
from moto.codepipeline.responses import CodePipelineResponse
from moto.core.exceptions import JsonRESTError

reported, summaries = {}, {}


def report(request, *_):
    reported[request["pipeline"], request["execution"]] = request["actions"] or []
    return {}


def report_execution(request, *_):
    summary = {"pipelineExecutionId": str(uuid.uuid4()), "startTime": time.time(), "lastUpdateTime": time.time(), **request["summary"]}
    listed = summaries.setdefault(request["pipeline"], [])
    for place, known in enumerate(listed):
        if known["pipelineExecutionId"] == summary["pipelineExecutionId"]:
            listed[place] = {**summary, "startTime": known["startTime"]}
            return {}
    listed.insert(0, summary)
    return {}


def _refuse_twice(names, message):
    for name in names:
        if names.count(name) > 1:
            raise InvalidStructureException(message.format(name))


def _check(pipeline):
    stages = pipeline["stages"]
    _refuse_twice([stage["name"] for stage in stages], "Stage names must be unique within the pipeline: {}")

    named, made = [], []
    for stage in stages:
        _refuse_twice([action["name"] for action in stage["actions"]], "Action names must be unique within a stage: {}")
        for action in sorted(stage["actions"], key=lambda action: action.get("runOrder", 1)):
            if action.get("namespace") in named:
                raise JsonRESTError(
                    "InvalidActionDeclarationException",
                    "Namespaces must be unique across the pipeline definition. The following occur more than once in the pipeline. "
                    f"StageName=[{stage['name']}], ActionName=[{action['name']}], Namespace=[{action['namespace']}]",
                )
            named += [action["namespace"]] if action.get("namespace") else []
            for artifact in action.get("inputArtifacts", []):
                if artifact["name"] not in made:
                    raise InvalidStructureException(f"No action before {action['name']} makes its input artifact {artifact['name']}")
            made += [artifact["name"] for artifact in action.get("outputArtifacts", [])]

    _refuse_twice(made, "Output Artifact Bundle name must be unique within the pipeline. {} has been used more than once.")


def _checked(call):
    def change(self, pipeline, *rest):
        _check(pipeline)
        return call(self, pipeline, *rest)

    return change


def _metadata(pipeline):
    return {
        "pipelineArn": pipeline._arn,
        "created": pipeline._created.timestamp(),
        "updated": pipeline._updated.timestamp(),
    }


def _detail(pipeline, execution, action):
    ended = [known["lastUpdateTime"] for known in summaries.get(pipeline, []) if known["pipelineExecutionId"] == execution]
    return {
        "pipelineExecutionId": execution,
        "actionExecutionId": str(uuid.uuid4()),
        "pipelineVersion": 1,
        "stageName": action["stageName"],
        "actionName": action["actionName"],
        "startTime": time.time(),
        "lastUpdateTime": action.get("lastUpdateTime") or (ended or [time.time()])[0],
        "status": action.get("status") or "Succeeded",
        "output": {
            "executionResult": {"externalExecutionId": action["externalExecutionId"]},
            "outputVariables": action["outputVariables"],
        },
    }


def _list_action_executions(self):
    name, wanted = self._get_param("pipelineName"), self._get_param("filter", {}).get("pipelineExecutionId")
    self.codepipeline_backend.get_pipeline(name)  # refuses a name that it does not know
    # Newest first.
    details = [
        _detail(pipeline, execution, action)
        for (pipeline, execution), actions in reversed(reported.items())
        for action in reversed(actions)
        if pipeline == name and wanted in (None, execution)
    ]
    return json.dumps({"actionExecutionDetails": details})


def _list_pipeline_executions(self):
    name = self._get_param("pipelineName")
    self.codepipeline_backend.get_pipeline(name)
    return json.dumps({"pipelineExecutionSummaries": summaries.get(name, [])})  # newest first


def apply():
    CodePipeline.metadata = property(_metadata)
    for name in ("create_pipeline", "update_pipeline"):
        setattr(CodePipelineBackend, name, _checked(getattr(CodePipelineBackend, name)))
    CodePipelineResponse.list_action_executions = _list_action_executions
    CodePipelineResponse.list_pipeline_executions = _list_pipeline_executions
