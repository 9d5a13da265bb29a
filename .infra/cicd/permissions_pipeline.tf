# The pipeline itself: it reads the repository, starts the actions' projects, and lends the ECS action a role.

resource "aws_iam_role" "pipeline" {
  name               = local.name
  description        = "The pipeline ${local.name}"
  assume_role_policy = data.aws_iam_policy_document.assume["Pipeline"].json
}

data "aws_iam_policy_document" "pipeline" {
  # Without ProviderPermissionsRequired: setting up the trigger writes a hook.
  statement {
    sid       = "FollowRepository"
    actions   = local.use_connection
    resources = [var.connection_arn]

    dynamic "condition" {
      for_each = toset(["codeconnections", "codestar-connections"])

      content {
        test     = "StringEqualsIfExists"
        variable = "${condition.value}:FullRepositoryId"
        values   = [var.repository]
      }
    }
  }

  statement {
    sid       = "PassArtifacts"
    actions   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
    resources = values(local.artifact_arn)
  }

  statement {
    sid       = "FindArtifacts"
    actions   = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"]
    resources = [aws_s3_bucket.artifacts.arn]
  }

  statement {
    sid       = "RunProjects"
    actions   = ["codebuild:BatchGetBuilds", "codebuild:StartBuild"]
    resources = [for project in aws_codebuild_project.action : project.arn]
  }

  statement {
    sid       = "LendRole"
    actions   = ["sts:AssumeRole"]
    resources = [aws_iam_role.update_ecs_service.arn]
  }
}

resource "aws_iam_role_policy" "pipeline" {
  name   = "run"
  role   = aws_iam_role.pipeline.id
  policy = data.aws_iam_policy_document.pipeline.json
}
