"""CodeBuild insists on a location even for CODEPIPELINE, where AWS forbids one: no project can be made."""

import moto.codebuild.responses as responses


def _unless_in_pipeline(validate):
    return lambda part: None if part.get("type") in ("CODEPIPELINE", "NO_SOURCE") else validate(part)


def apply():
    responses._validate_required_params_source = _unless_in_pipeline(responses._validate_required_params_source)
    responses._validate_required_params_artifacts = _unless_in_pipeline(responses._validate_required_params_artifacts)
