"""CodeBuild insists on a location even for CODEPIPELINE, where AWS forbids one: no project can be made. It does not know GitLab.

Projects can't be changed in place, can't be deleted by their ARN, and have no webhooks. Each of these calls is held against AWS's
own model first. Any credentials pull any image of a machine. A build does nothing: that of the toolbox is to leave its image.
"""

import io
import json
import subprocess
import tempfile
import zipfile

import botocore.exceptions
import botocore.session
import moto.codebuild.responses as responses
from botocore.validate import validate_parameters
from moto.codebuild.exceptions import InvalidInputException, ResourceAlreadyExistsException, ResourceNotFoundException
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import unix_time
from moto.ecr.models import ecr_backends
from moto.s3.models import s3_backends

MODEL = botocore.session.get_session().get_service_model("codebuild")
EVENTS = {"PUSH", "PULL_REQUEST_CREATED", "PULL_REQUEST_UPDATED", "PULL_REQUEST_CLOSED", "PULL_REQUEST_MERGED"}
GITHUB_EVENTS = {"PULL_REQUEST_REOPENED", "WORKFLOW_JOB_QUEUED", "RELEASED", "PRERELEASED"}


def _unless_in_pipeline(validate):
    return lambda part: None if part.get("type") in ("CODEPIPELINE", "NO_SOURCE", "GITLAB") else validate(part)


def _refuse_unknown(shape, value):
    """Refuses what is not among an enumeration's values, which botocore leaves to the service."""
    if shape.type_name == "structure":
        for name, member in value.items():
            _refuse_unknown(shape.members[name], member)
    elif shape.type_name == "list":
        for member in value:
            _refuse_unknown(shape.member, member)
    elif getattr(shape, "enum", None) and value not in shape.enum:
        raise InvalidInputException(f"{value} is not one of {', '.join(shape.enum)}")


def _request(response, operation):
    request, shape = json.loads(response.body), MODEL.operation_model(operation).input_shape
    try:
        validate_parameters(request, shape)
    except botocore.exceptions.ParamValidationError as wrong:
        raise InvalidInputException(str(wrong)) from wrong
    _refuse_unknown(shape, request)
    return request


def _project(response, name):
    project = response.codebuild_backend.codebuild_projects.get(name)
    if project is None:
        raise ResourceNotFoundException(f"Project cannot be found: {name}")
    return project


def _update_project(self):
    request = _request(self, "UpdateProject")
    project = _project(self, request.pop("name"))
    for part in ("source", "artifacts", "environment"):
        if part in request:
            getattr(responses, f"_validate_required_params_{part}")(request[part])
    # Without tags, a project loses those that it has.
    project.tags = request.setdefault("tags", [])
    project.service_role = request.get("serviceRole", project.service_role)
    if "badgeEnabled" in request:
        request["badge"] = {"badgeEnabled": request.pop("badgeEnabled")}
    project.project_metadata.update(request, lastModifiedDate=unix_time())
    return ActionResult({"project": project.project_metadata})


def _with_credentials(validate):
    def check(environment):
        validate(environment)
        curated, by_role = environment["image"].startswith("aws/codebuild/"), environment.get("imagePullCredentialsType") == "SERVICE_ROLE"
        if curated and by_role:
            raise InvalidInputException("An image of CodeBuild is pulled with CODEBUILD credentials")
        if ".dkr.ecr." in environment["image"] and not by_role:
            raise InvalidInputException("An image of a private registry is pulled with SERVICE_ROLE credentials")

    return check


def _start_toolbox(start_build):
    """Leaves an image of the tag that the source asks for, without building it, and scans it as ECR does on push."""

    def start(self):
        answer = start_build(self)
        project = _project(self, self._get_param("projectName")).project_metadata
        if project["source"]["type"] == "S3":
            bucket, _, key = project["source"]["location"].partition("/")
            source = s3_backends[self.current_account][self.partition].get_object(bucket, key).value
            with tempfile.TemporaryDirectory() as folder:
                zipfile.ZipFile(io.BytesIO(source)).extractall(folder)
                name = subprocess.run(["bash", ".tools/toolbox", "--name"], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
            manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "annotations": {"name": name}}
            registry, tag = ecr_backends[self.current_account][self.region], name.split(":")[1]
            registry.put_image(project["name"], json.dumps(manifest), tag)
            registry.start_image_scan(self.current_account, project["name"], {"imageTag": tag})
        return answer

    return start


def _check_filters(groups, host):
    known = EVENTS | (GITHUB_EVENTS if host.startswith("GITHUB") else set())
    for group in groups:
        patterns = [entry["pattern"] for entry in group if entry["type"] == "EVENT"]
        if not patterns:
            raise InvalidInputException("Each filter group must have an EVENT filter")
        for event in (part.strip() for pattern in patterns for part in pattern.split(",")):
            if event not in known:
                raise InvalidInputException(f"Invalid EVENT filter for {host}: {event}")


def _delete_project(self):
    # Of its name or ARN, the last part.
    self.codebuild_backend.delete_project(_request(self, "DeleteProject")["name"].rsplit("/", 1)[-1])
    return EmptyResult()


def _create_webhook(self):
    request = _request(self, "CreateWebhook")
    project = _project(self, request.pop("projectName")).project_metadata
    host = project["source"]["type"]
    if host not in ("GITHUB", "GITHUB_ENTERPRISE", "BITBUCKET", "GITLAB", "GITLAB_SELF_MANAGED"):
        raise InvalidInputException(f"A project with the source {host} can have no webhook")
    if "webhook" in project:
        raise ResourceAlreadyExistsException(f"Webhook already exists: {project['name']}")
    _check_filters(request.get("filterGroups", []), host)
    project["webhook"] = {
        "url": f"https://api.example.com/hooks/{project['name']}",
        "payloadUrl": f"https://codebuild.{self.region}.amazonaws.com/webhooks?t={project['name']}",
        "status": "ACTIVE",
        **request,
    }
    return ActionResult({"webhook": project["webhook"]})


def _update_webhook(self):
    request = _request(self, "UpdateWebhook")
    project = _project(self, request.pop("projectName")).project_metadata
    if "webhook" not in project:
        raise ResourceNotFoundException(f"Webhook cannot be found: {project['name']}")
    request.pop("rotateSecret", None)
    _check_filters(request.get("filterGroups", []), project["source"]["type"])
    project["webhook"].update(request)
    return ActionResult({"webhook": project["webhook"]})


def _delete_webhook(self):
    project = _project(self, _request(self, "DeleteWebhook")["projectName"]).project_metadata
    if project.pop("webhook", None) is None:
        raise ResourceNotFoundException(f"Webhook cannot be found: {project['name']}")
    return EmptyResult()


def apply():
    responses._validate_required_params_source = _unless_in_pipeline(responses._validate_required_params_source)
    responses._validate_required_params_artifacts = _unless_in_pipeline(responses._validate_required_params_artifacts)
    responses._validate_required_params_environment = _with_credentials(responses._validate_required_params_environment)
    responses.CodeBuildResponse.start_build = _start_toolbox(responses.CodeBuildResponse.start_build)
    responses.CodeBuildResponse.update_project = _update_project
    responses.CodeBuildResponse.delete_project = _delete_project
    responses.CodeBuildResponse.create_webhook = _create_webhook
    responses.CodeBuildResponse.update_webhook = _update_webhook
    responses.CodeBuildResponse.delete_webhook = _delete_webhook
