"""CodePipeline's timestamps are text, but the SDK for Go reads numbers: no pipeline can be read back."""

from moto.codepipeline.models import CodePipeline


def _metadata(pipeline):
    return {
        "pipelineArn": pipeline._arn,
        "created": pipeline._created.timestamp(),
        "updated": pipeline._updated.timestamp(),
    }


def apply():
    CodePipeline.metadata = property(_metadata)
