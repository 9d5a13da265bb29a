# The pipeline itself: it reads the repository, starts the actions' projects, and lends the ECS action a role.

resource "aws_iam_role" "pipeline" {
  name               = local.name
  description        = "The pipeline ${local.name}"
  assume_role_policy = data.aws_iam_policy_document.assume["Pipeline"].json
}

locals {
  permissions_pipeline = [
    {
      sid        = "FollowRepository"
      why        = "the source; without ProviderPermissionsRequired, as setting up the trigger writes a hook"
      actions    = local.use_connection
      resources  = [var.connection_arn]
      conditions = local.only_this_repository
    },
    {
      sid       = "PassArtifacts"
      why       = "from one action to the next"
      actions   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
      resources = values(local.artifact_arn)
    },
    {
      sid       = "FindArtifacts"
      why       = "where artifacts are kept"
      actions   = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"]
      resources = [aws_s3_bucket.artifacts.arn]
    },
    {
      sid       = "RunProjects"
      why       = "the actions that run a buildspec"
      actions   = ["codebuild:BatchGetBuilds", "codebuild:StartBuild"]
      resources = [for settings in local.actions : format(local.regional, "codebuild", "project/${local.name}-${settings.slug}")]
    },
    {
      sid       = "LendRole"
      why       = "UpdateECSService has a role of its own"
      actions   = ["sts:AssumeRole"]
      resources = [for role in aws_iam_role.update_ecs_service : role.arn]
    },
  ]
}
