# One CodeBuild project per action. A buildspec is a file of the repository, so that a change of it is reviewed, tested and
# shipped with the commit that needs it.

locals {
  machines = {
    arm = { type = "ARM_CONTAINER", image = "aws/codebuild/amazonlinux-aarch64-standard:3.0", credentials = "CODEBUILD" }
    x86 = { type = "LINUX_CONTAINER", image = "aws/codebuild/amazonlinux-x86_64-standard:5.0", credentials = "CODEBUILD" }
  }

  # The toolbox, or where it is not built yet an image of CodeBuild, on which the tools are installed anew in every build.
  standard = local.machines[local.arm ? "arm" : "x86"]
  toolbox = var.toolbox_digest == "" ? local.standard : merge(local.standard, {
    image       = "${aws_ecr_repository.toolbox.repository_url}@${var.toolbox_digest}"
    credentials = "SERVICE_ROLE"
  })

  # StaticAnalysis runs nothing that is built, and some of its tools have no package for ARM.
  machine = { for action in keys(local.actions) : action => local.arm && action == "StaticAnalysis" ? local.machines.x86 : local.toolbox }
}

resource "aws_codebuild_project" "action" {
  #checkov:skip=CKV_AWS_147:What projects write is encrypted with aws/s3, as the bucket of the artifacts is.
  #checkov:skip=CKV_AWS_316:Only the projects that build or load an image get Docker.
  for_each = local.actions

  name           = "${local.name}-${each.value.slug}"
  description    = "${each.key}: ${each.value.about}."
  service_role   = aws_iam_role.action[each.key].arn
  build_timeout  = each.value.minutes
  queued_timeout = 60

  source {
    type      = "CODEPIPELINE"
    buildspec = "buildspec/${replace(each.value.buildspec, "-", "_")}.yml"
  }

  artifacts {
    type = "CODEPIPELINE"
  }

  environment {
    type                        = local.machine[each.key].type
    image                       = local.machine[each.key].image
    image_pull_credentials_type = local.machine[each.key].credentials
    compute_type                = each.value.compute
    privileged_mode             = each.value.docker

    dynamic "environment_variable" {
      for_each = each.value.environment

      content {
        name  = environment_variable.key
        value = environment_variable.value
        type  = "PLAINTEXT"
      }
    }
  }

  logs_config {
    cloudwatch_logs {
      group_name = aws_cloudwatch_log_group.action[each.key].name
    }
  }

  # A build that starts before it may log or read fails.
  depends_on = [aws_iam_role_policy.this]
}

resource "aws_cloudwatch_log_group" "action" {
  #checkov:skip=CKV_AWS_338:log_retention_days decides.
  for_each = local.actions

  name              = "/aws/codebuild/${local.name}-${each.value.slug}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}
