# Optional: what a push has to pass, a pull request has to pass before. The same buildspecs, each with a status of its own at
# the Git host. A pull request runs code that has not been reviewed. Its role can only log, report and use its connection, but
# CodeBuild gives the build no narrower right than GetConnectionToken: the code can take a token that reads and writes every
# repository that the connection reaches. So it has a connection of its own, and people are named, never everybody.

locals {
  pull_requests = length(var.pull_request_actors) == 0 ? {} : {
    for action in ["StaticAnalysis", "UnitTest"] : action => merge(local.actions[action], {
      slug = "pull-request-${local.actions[action].slug}"
    })
  }

  git_host = data.aws_codestarconnections_connection.git.provider_type
  git_url = lookup({
    Bitbucket = "https://bitbucket.org"
    GitLab    = "https://gitlab.com"
  }, local.git_host, "https://github.com")

  # CodeBuild knows this event of GitHub alone.
  reopened = startswith(local.git_host, "GitHub") ? ["PULL_REQUEST_REOPENED"] : []
}

resource "aws_codebuild_project" "pull_request" {
  #checkov:skip=CKV_AWS_147:It writes nothing but logs and reports.
  for_each = local.pull_requests

  name           = "${local.name}-${each.value.slug}"
  description    = "${each.key} of pull requests: ${each.value.about}."
  service_role   = aws_iam_role.pull_request[0].arn
  build_timeout  = each.value.minutes
  queued_timeout = 60

  source {
    type                = upper(local.git_host)
    location            = "${local.git_url}/${var.repository}.git"
    buildspec           = "buildspec/${replace(local.actions[each.key].slug, "-", "_")}.yml"
    git_clone_depth     = 0 # with history, as the pipeline has it
    report_build_status = true

    build_status_config {
      context = "${local.name}/${local.actions[each.key].slug}"
    }

    auth {
      type     = "CODECONNECTIONS"
      resource = var.pull_request_connection_arn
    }
  }

  artifacts {
    type = "NO_ARTIFACTS"
  }

  environment {
    type                        = local.machine["UnitTest"].type
    image                       = local.machine["UnitTest"].image
    image_pull_credentials_type = local.machine["UnitTest"].credentials
    compute_type                = each.value.compute
    privileged_mode             = false
  }

  logs_config {
    cloudwatch_logs {
      group_name = aws_cloudwatch_log_group.pull_request[each.key].name
    }
  }

  depends_on = [aws_iam_role_policy.this]
}

resource "aws_codebuild_webhook" "pull_request" {
  for_each = local.pull_requests

  project_name = aws_codebuild_project.pull_request[each.key].name
  build_type   = "BUILD"

  filter_group {
    filter {
      type    = "EVENT"
      pattern = join(", ", concat(["PULL_REQUEST_CREATED", "PULL_REQUEST_UPDATED"], local.reopened))
    }

    filter {
      type    = "BASE_REF"
      pattern = "^refs/heads/${replace(var.branch, ".", "\\.")}$"
    }

    filter {
      type    = "ACTOR_ACCOUNT_ID"
      pattern = "^(${join("|", [for actor in var.pull_request_actors : replace(actor, "/([{}])/", "\\$1")])})$" # Bitbucket's have braces
    }
  }
}

resource "aws_cloudwatch_log_group" "pull_request" {
  #checkov:skip=CKV_AWS_338:log_retention_days decides.
  for_each = local.pull_requests

  name              = "/aws/codebuild/${local.name}-${each.value.slug}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

data "aws_iam_policy_document" "assume_pull_request" {
  statement {
    sid     = "OnlyForPullRequests"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["codebuild.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = [format(local.regional, "codebuild", "project/${local.name}-pull-request-*")]
    }
  }
}

resource "aws_iam_role" "pull_request" {
  count = length(local.pull_requests) == 0 ? 0 : 1

  name               = "${local.name}-pull-request"
  description        = "Tests of pull requests of the pipeline ${local.name}"
  assume_role_policy = data.aws_iam_policy_document.assume_pull_request.json
}

locals {
  permissions_pull_request = concat(local.pull_toolbox, [
    {
      sid       = "WriteLogs"
      why       = "what the build prints"
      actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources = [for group in aws_cloudwatch_log_group.pull_request : "${group.arn}:*"]
    },
    {
      sid = "CloneRepository"
      why = "how CodeBuild gets at a repository through a connection"
      actions = [
        "codeconnections:GetConnection", "codeconnections:GetConnectionToken",
        "codestar-connections:GetConnection", "codestar-connections:GetConnectionToken",
      ]
      resources = [var.pull_request_connection_arn]
    },
    {
      sid       = "WriteReports"
      why       = "tests and coverage"
      actions   = local.write_reports
      resources = [format(local.regional, "codebuild", "report-group/${local.name}-pull-request-*")]
    },
  ])
}

moved {
  from = aws_iam_role_policy.pull_request[0]
  to   = aws_iam_role_policy.this["PullRequest/run"]
}
