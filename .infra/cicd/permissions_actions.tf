# What the roles of all actions share: their own logs, artifacts and reports, reading the repository, pulling the toolbox, and, of DeployECR
# and DeployApp, the state of their own stack and environment.

locals {
  # Where CodePipeline keeps an artifact.
  artifact_arn = {
    for artifact in concat(["source", "image", "imagedefs"], values(local.environments)[*].screenshots) :
    artifact => "${aws_s3_bucket.artifacts.arn}/${substr(local.name, 0, 20)}/${substr(artifact, 0, 10)}/*"
  }

  # An ARN of either name: AWS renamed the service, and connections keep the name that they were made with.
  connection_services  = ["codeconnections", "codestar-connections"]
  use_connection       = [for service in local.connection_services : "${service}:UseConnection"]
  only_this_repository = [for service in local.connection_services : ["StringEqualsIfExists", "${service}:FullRepositoryId", [var.repository]]]
  only_reading         = [for service in local.connection_services : ["StringEqualsIfExists", "${service}:ProviderPermissionsRequired", ["read_only"]]]

  write_reports = [
    "codebuild:BatchPutCodeCoverages", "codebuild:BatchPutTestCases",
    "codebuild:CreateReport", "codebuild:CreateReportGroup", "codebuild:UpdateReport",
  ]

  registry_login = {
    sid       = "RegistryLogin"
    why       = "the token is for the whole registry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  find_artifacts = {
    sid       = "FindArtifacts"
    why       = "where artifacts are kept"
    actions   = ["s3:GetBucketAcl", "s3:GetBucketLocation"]
    resources = [aws_s3_bucket.artifacts.arn]
  }

  permissions_of_every_action = { for action, settings in local.actions : action => concat(
    [
      {
        sid       = "WriteLogs"
        why       = "what the build prints"
        actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        resources = ["${aws_cloudwatch_log_group.action[action].arn}:*"]
      },
      {
        sid       = "ReadArtifacts"
        why       = "the action's inputs"
        actions   = ["s3:GetObject", "s3:GetObjectVersion"]
        resources = [for artifact in settings.inputs : local.artifact_arn[artifact]]
      },
      local.find_artifacts,
      {
        sid        = "CloneRepository"
        why        = "this repository, and no other that the connection reaches"
        actions    = local.use_connection
        resources  = [var.connection_arn]
        conditions = concat(local.only_this_repository, local.only_reading)
      },
    ],
    [for outputs in [settings.outputs] : {
      sid       = "WriteArtifacts"
      why       = "the action's outputs"
      actions   = ["s3:PutObject"]
      resources = [for artifact in outputs : local.artifact_arn[artifact]]
    } if length(outputs) > 0],
    [for slug in [settings.slug] : {
      sid       = "WriteReports"
      why       = "tests and coverage"
      actions   = local.write_reports
      resources = [format(local.regional, "codebuild", "report-group/${local.name}-${slug}-*")]
    } if settings.reports],
    local.pull_toolbox,
  ) }

  # Verifying, without signing: verify-image.
  permissions_verify_image = [
    local.registry_login,
    {
      sid       = "ReadSignatures"
      why       = "they lie beside the image"
      actions   = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      resources = [format(local.regional, "ecr", "repository/${var.image_repository}")]
    },
    {
      sid       = "ReadPublicKey"
      why       = "what they are verified with"
      actions   = ["kms:GetPublicKey"]
      resources = [data.aws_kms_alias.signing.target_key_arn]
    },
  ]

  # The stack whose state an action keeps, and the environment's name.
  state_of = merge({ DeployECR = ["ecr", var.env] }, { for env, of in local.environments : "DeployApp${of.suffix}" => ["app", env] })

  permissions_of_state = { for action, state in local.state_of : action => [
    {
      sid       = "ReadState"
      why       = "of its own stack"
      actions   = ["s3:GetObject"]
      resources = ["${local.state_bucket_arn}/${state[0]}/${state[1]}/*", "${local.state_bucket_arn}/${state[0]}/terraform.tfstate"]
    },
    {
      sid       = "WriteState"
      why       = "of its own environment"
      actions   = ["s3:PutObject"]
      resources = ["${local.state_bucket_arn}/${state[0]}/${state[1]}/*"]
    },
    {
      sid       = "Unlock"
      why       = "the lock is a file beside the state"
      actions   = ["s3:DeleteObject"]
      resources = ["${local.state_bucket_arn}/${state[0]}/${state[1]}/*.tflock"]
    },
    {
      sid        = "FindState"
      why        = "without it, S3 says 'denied' of a state that does not exist yet; that question carries no prefix"
      actions    = ["s3:ListBucket"]
      resources  = [local.state_bucket_arn]
      conditions = [["StringLikeIfExists", "s3:prefix", ["${state[0]}/*"]]]
    },
  ] }
}
