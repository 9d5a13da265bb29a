# DeployECR: applies the ecr stack, marks the images that run, and pushes. It can neither delete images nor the repository.

data "aws_iam_policy_document" "deploy_ecr" {
  #checkov:skip=CKV_AWS_356:GetAuthorizationToken, ListServices and DescribeTaskDefinition have no resource-level permission.
  statement {
    sid       = "RegistryLogin"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # no resource-level permission exists
  }

  statement {
    sid = "Repository"
    actions = [
      "ecr:CreateRepository", "ecr:DescribeRepositories", "ecr:GetLifecyclePolicy", "ecr:ListTagsForResource",
      "ecr:PutImageScanningConfiguration", "ecr:PutImageTagMutability", "ecr:PutLifecyclePolicy", "ecr:TagResource",
      "ecr:UntagResource",
    ]
    resources = [format(local.regional, "ecr", "repository/${var.image_repository}")]
  }

  statement {
    sid = "PushImages"
    actions = [
      "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
      "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:ListImages", "ecr:PutImage", "ecr:UploadLayerPart",
    ]
    resources = [format(local.regional, "ecr", "repository/${var.image_repository}")]
  }

  # Which images run, so that they are kept: keep-running.
  statement {
    sid       = "ListServices"
    actions   = ["ecs:ListServices"]
    resources = ["*"] # no resource-level permission exists

    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [format(local.regional, "ecs", "cluster/${local.app}")]
    }
  }

  statement {
    sid       = "LookAtServices"
    actions   = ["ecs:DescribeServices"]
    resources = [format(local.regional, "ecs", "service/${local.app}/*")]
  }

  statement {
    sid       = "LookAtRevisions"
    actions   = ["ecs:DescribeTaskDefinition"]
    resources = ["*"] # no resource-level permission exists
  }
}

resource "aws_iam_role_policy" "deploy_ecr" {
  name   = "deploy-ecr"
  role   = aws_iam_role.action["DeployECR"].id
  policy = data.aws_iam_policy_document.deploy_ecr.json
}
