# The toolbox (.tools/Dockerfile) is the image in which the actions run: all tools and a warm build cache. A project of its own builds it,
# so that no laptop has to push it, or emulate another processor. .infra/cicd/toolbox starts that when a commit needs a new one.

resource "aws_ecr_repository" "toolbox" {
  name                 = "${local.name}-toolbox"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true # it can be built again

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
  }
}

resource "aws_ecr_lifecycle_policy" "toolbox" {
  repository = aws_ecr_repository.toolbox.name

  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Keep the last 5 toolboxes: a run that waits still needs its own"
      # Only they have tags: a bill of materials has none, and goes with the toolbox that it refers to.
      selection = { tagStatus = "tagged", tagPatternList = ["*"], countType = "imageCountMoreThan", countNumber = 5 }
      action    = { type = "expire" }
    }]
  })
}

resource "aws_codebuild_project" "toolbox" {
  #checkov:skip=CKV_AWS_147:It writes nothing but logs and the image.
  #checkov:skip=CKV_AWS_316:It builds an image.
  name           = "${local.name}-toolbox"
  description    = "Builds the toolbox, the image of the pipeline's machines."
  service_role   = aws_iam_role.toolbox.arn
  build_timeout  = 60
  queued_timeout = 60

  source {
    type      = "S3"
    location  = "${aws_s3_bucket.artifacts.id}/toolbox/source.zip"
    buildspec = "buildspec/toolbox.yml"
  }

  artifacts {
    type = "NO_ARTIFACTS"
  }

  environment {
    type                        = local.standard.type
    image                       = local.standard.image
    image_pull_credentials_type = "CODEBUILD"
    compute_type                = "BUILD_GENERAL1_MEDIUM"
    privileged_mode             = true

    environment_variable {
      name  = "REPOSITORY"
      value = aws_ecr_repository.toolbox.repository_url
    }
  }

  logs_config {
    cloudwatch_logs {
      group_name = aws_cloudwatch_log_group.toolbox.name
    }
  }

  depends_on = [aws_iam_role_policy.this]
}

resource "aws_cloudwatch_log_group" "toolbox" {
  #checkov:skip=CKV_AWS_338:log_retention_days decides.
  name              = "/aws/codebuild/${local.name}-toolbox"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

resource "aws_iam_role" "toolbox" {
  name               = "${local.name}-toolbox"
  description        = "Building the toolbox of the pipeline ${local.name}"
  assume_role_policy = data.aws_iam_policy_document.assume["Toolbox"].json
}

locals {
  toolbox_arn = format(local.regional, "ecr", "repository/${local.name}-toolbox")

  pull_toolbox = [
    local.registry_login,
    {
      sid       = "PullToolbox"
      why       = "the image in which the action runs"
      actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      resources = [local.toolbox_arn]
    },
  ]

  permissions_toolbox = [
    {
      sid       = "WriteLogs"
      why       = "what the build prints"
      actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources = ["${aws_cloudwatch_log_group.toolbox.arn}:*"]
    },
    {
      sid       = "ReadSource"
      why       = "the commit that the toolbox is built from"
      actions   = ["s3:GetObject", "s3:GetObjectVersion"]
      resources = ["${aws_s3_bucket.artifacts.arn}/toolbox/source.zip"]
    },
    local.find_artifacts,
    local.registry_login,
    {
      sid = "PushToolbox"
      why = "the image itself"
      actions = [
        "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload",
        "ecr:PutImage", "ecr:UploadLayerPart",
      ]
      resources = [local.toolbox_arn]
    },
  ]
}
