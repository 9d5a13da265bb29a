# The pipeline's actions that run a buildspec, each described once: its project, its role and its artifacts are made from this.

locals {
  actions = merge({ for action, settings in local.shared_actions : action => merge(settings, { buildspec = settings.slug }) }, local.actions_of_environments)

  shared_actions = {
    StaticAnalysis = {
      slug    = "static-analysis"
      about   = "Formats, linters, policies and secrets"
      minutes = 30
      compute = "BUILD_GENERAL1_MEDIUM"
      docker  = false
      inputs  = ["source"]
      outputs = []
      reports = false
      # Set on the project: the same in every run.
      environment = {}
      # Set by the pipeline, from what earlier actions export.
      variables = {}
    }

    UnitTest = {
      slug        = "unit-test"
      about       = "Unit tests with the race detector, coverage, known vulnerabilities"
      minutes     = 20
      compute     = "BUILD_GENERAL1_MEDIUM"
      docker      = false
      inputs      = ["source"]
      outputs     = []
      reports     = true
      environment = {}
      variables   = {}
    }

    Build = {
      slug        = "build"
      about       = "The image, its bill of materials, and the black-box tests against it"
      minutes     = 30
      compute     = "BUILD_GENERAL1_MEDIUM"
      docker      = true
      inputs      = ["source"]
      outputs     = ["image"]
      reports     = true
      environment = { IMAGE_PLATFORM = var.image_platform }
      variables   = {}
    }

    DeployECR = {
      slug    = "deploy-ecr"
      about   = "The image repository, and the image in it, signed"
      minutes = 20
      compute = "BUILD_GENERAL1_SMALL"
      # The image goes from the archive to the registry without an engine, so the role that may push is not root on the machine.
      docker  = false
      inputs  = ["source", "image"]
      outputs = ["imagedefs"]
      reports = false
      environment = merge(local.signed_by, {
        ENV                    = var.env
        ENVIRONMENTS           = join(" ", local.order)
        REGION                 = var.region
        TF_STATE_BUCKET        = var.tf_state_bucket
        TF_VAR_repository_name = var.image_repository
        BUILD_MACHINE          = local.toolbox.image
      })
      variables = { IMAGE_ID = "#{Build.IMAGE_ID}", PIPELINE_EXECUTION_ID = "#{codepipeline.PipelineExecutionId}" }
    }
  }

  # Those that run once for each environment. The same buildspec for all.
  actions_of_environments = merge([for env, of in local.environments : { for action, settings in {
    DeployApp = {
      slug    = "deploy-app"
      about   = "Everything that the service runs on, and only what is signed on it"
      minutes = 60
      compute = "BUILD_GENERAL1_SMALL"
      docker  = false
      # With what UpdateECSService is about to deploy.
      inputs  = ["source", "imagedefs"]
      outputs = []
      reports = false
      environment = merge(local.signed_by, {
        ENV                         = env
        REGION                      = var.region
        TF_STATE_BUCKET             = var.tf_state_bucket
        TF_VAR_cpu_architecture     = local.arm ? "ARM64" : "X86_64"
        TF_VAR_permissions_boundary = var.permissions_boundary
      })
      variables = { PUSHED_IMAGE = "#{DeployECR.PUSHED_IMAGE}" }
    }

    Bake = {
      slug    = "bake"
      about   = "The one box passes its tests, raises no alarm and is no worse than the others, or goes back"
      minutes = 60 + of.bake_minutes # as Verify
      compute = "BUILD_GENERAL1_SMALL"
      docker  = false
      inputs  = ["source"]
      outputs = []
      reports = true
      environment = merge(local.signed_by, {
        ENV          = env
        REGION       = var.region
        SERVICES     = join(" ", of.one_box)
        BAKE_MINUTES = tostring(of.bake_minutes)
      })
      variables = local.released[env]
    }

    Verify = {
      slug        = "verify"
      about       = "The service runs the pushed image and passes its tests, or goes back"
      minutes     = 60 # a wait for the image, the tests, and a wait for the way back
      compute     = "BUILD_GENERAL1_SMALL"
      docker      = false
      inputs      = ["source"]
      outputs     = []
      reports     = true
      environment = merge(local.signed_by, { ENV = env, REGION = var.region, SERVICES = join(" ", concat(of.services, of.one_box)) })
      # It publishes how well the pipeline delivers, with this execution.
      variables = merge(local.released[env], { PIPELINE_EXECUTION_ID = "#{codepipeline.PipelineExecutionId}" })
    }

    Accept = {
      slug        = "accept"
      about       = "The page and the pictures work in a real browser, or the service goes back"
      minutes     = 60 # as Verify
      compute     = "BUILD_GENERAL1_SMALL"
      docker      = false
      inputs      = ["source"]
      outputs     = [of.screenshots]
      reports     = true
      environment = merge(local.signed_by, { ENV = env, REGION = var.region, SERVICES = join(" ", concat(of.services, of.one_box)) })
      variables   = local.released[env]
    }
  } : "${action}${of.suffix}" => merge(settings, { slug = "${settings.slug}${of.suffix}", buildspec = settings.slug }) if action != "Bake" || of.bake_minutes > 0 }]...)

  # What an environment was given, what it had before, and where it answers.
  released = { for env, of in local.environments : env => {
    PUSHED_IMAGE   = "#{DeployECR.PUSHED_IMAGE}"
    PREVIOUS_IMAGE = "#{DeployApp${of.suffix}.PREVIOUS_IMAGE}"

    CLOCKMIRROR_URL = "#{DeployApp${of.suffix}.ALB_URL}"
  } }

  arm = var.image_platform == "linux/arm64"
}
