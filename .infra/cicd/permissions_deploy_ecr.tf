# DeployECR: applies the ecr stack, marks the images that run, and pushes. It can delete neither images nor the repository.

locals {
  permissions_deploy_ecr = [
    local.registry_login,
    {
      sid = "Repository"
      why = "the ecr stack"
      actions = [
        "ecr:CreateRepository", "ecr:DescribeRepositories", "ecr:GetLifecyclePolicy", "ecr:ListTagsForResource",
        "ecr:PutImageScanningConfiguration", "ecr:PutImageTagMutability", "ecr:PutLifecyclePolicy", "ecr:TagResource",
        "ecr:UntagResource",
      ]
      resources = [format(local.regional, "ecr", "repository/${var.image_repository}")]
    },
    {
      sid = "PushImages"
      why = "push-image"
      actions = [
        "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
        "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:ListImages", "ecr:PutImage", "ecr:UploadLayerPart",
      ]
      resources = [format(local.regional, "ecr", "repository/${var.image_repository}")]
    },
    {
      sid       = "Sign"
      why       = "sign-image; no other role may"
      actions   = ["kms:GetPublicKey", "kms:Sign"]
      resources = [data.aws_kms_alias.signing.target_key_arn]
    },
    {
      sid       = "ReadExecution"
      why       = "provenance: what CodePipeline says of it, not what the build says"
      actions   = ["codepipeline:GetPipeline", "codepipeline:ListActionExecutions"]
      resources = [format(local.regional, "codepipeline", local.name)]
    },
    {
      sid        = "ListServices"
      why        = "keep-running marks the images that run; ECS knows no resource for it"
      actions    = ["ecs:ListServices"]
      resources  = ["*"]
      conditions = [["ArnEquals", "ecs:cluster", [for of in values(local.environments) : format(local.regional, "ecs", "cluster/${of.app}")]]]
    },
    {
      sid       = "ReadServices"
      why       = "as above"
      actions   = ["ecs:DescribeServices"]
      resources = [for of in values(local.environments) : format(local.regional, "ecs", "service/${of.app}/*")]
    },
    {
      sid       = "ReadRevisions"
      why       = "as above; ECS knows no resource for it"
      actions   = ["ecs:DescribeTaskDefinition"]
      resources = ["*"]
    },
  ]
}
