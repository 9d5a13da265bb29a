"""CodePipeline's timestamps are text, but the SDK for Go reads numbers: no pipeline can be read back.

moto does not know ListActionExecutions and ListPipelineExecutions. What they list here is what the runner of the pipeline has reported.
"""

import json
import time
import uuid

from moto.codepipeline.models import CodePipeline
from moto.codepipeline.responses import CodePipelineResponse

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


def _metadata(pipeline):
    return {
        "pipelineArn": pipeline._arn,
        "created": pipeline._created.timestamp(),
        "updated": pipeline._updated.timestamp(),
    }


def _detail(execution, action):
    return {
        "pipelineExecutionId": execution,
        "actionExecutionId": str(uuid.uuid4()),
        "pipelineVersion": 1,
        "stageName": action["stageName"],
        "actionName": action["actionName"],
        "startTime": time.time(),
        "lastUpdateTime": time.time(),
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
        _detail(execution, action)
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
    CodePipelineResponse.list_action_executions = _list_action_executions
    CodePipelineResponse.list_pipeline_executions = _list_pipeline_executions
