# DeployApp, the network: AWS chooses the ids, so tags tell what is the environment's. DeployApp may create what carries the
# tags, and change what carries them already. It can't put them on what exists: that would make it its own.

locals {
  # What each call creates.
  ec2_creates = {
    AllocateAddress       = "elastic-ip"
    CreateInternetGateway = "internet-gateway"
    CreateNatGateway      = "natgateway"
    CreateRouteTable      = "route-table"
    CreateSecurityGroup   = "security-group"
    CreateSubnet          = "subnet"
    CreateVpc             = "vpc"
    CreateVpcEndpoint     = "vpc-endpoint"
  }

  # Rules are created inside a group.
  ec2_rules = ["AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress"]
  ec2_arns  = [for kind in concat(values(local.ec2_creates), ["security-group-rule"]) : format(local.regional, "ec2", "${kind}/*")]

  permissions_deploy_app_network = { for env, of in local.environments : env => concat(
    [for call, kind in local.ec2_creates : {
      sid          = call
      why          = "the environment's network"
      actions      = ["ec2:${call}"]
      resources    = [format(local.regional, "ec2", "${kind}/*")]
      request_tags = of.tags
    }],
    [
      {
        sid          = "CreateRules"
        why          = "rules of the environment's groups; ChangeWhatIsTagged allows them in the group"
        actions      = [for call in local.ec2_rules : "ec2:${call}"]
        resources    = [format(local.regional, "ec2", "security-group-rule/*")]
        request_tags = of.tags
      },
      {
        sid        = "TagWhatIsCreated"
        why        = "only in the call that creates it"
        actions    = ["ec2:CreateTags"]
        resources  = local.ec2_arns
        conditions = [["StringEquals", "ec2:CreateAction", concat(keys(local.ec2_creates), local.ec2_rules)]]
      },
      {
        sid = "ChangeWhatIsTagged"
        why = "the environment's own"
        actions = [
          "ec2:AssociateRouteTable", "ec2:AttachInternetGateway", "ec2:AuthorizeSecurityGroupEgress",
          "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateNatGateway", "ec2:CreateRoute", "ec2:CreateRouteTable",
          "ec2:CreateSecurityGroup", "ec2:CreateSubnet", "ec2:CreateTags", "ec2:CreateVpcEndpoint", "ec2:DeleteNatGateway",
          "ec2:DeleteRoute", "ec2:DeleteRouteTable", "ec2:DeleteSecurityGroup", "ec2:DeleteSubnet", "ec2:DeleteTags",
          "ec2:DeleteVpcEndpoints", "ec2:DescribeVpcAttribute", "ec2:DisassociateAddress", "ec2:DisassociateRouteTable",
          "ec2:ModifySecurityGroupRules", "ec2:ModifySubnetAttribute", "ec2:ModifyVpcAttribute", "ec2:ModifyVpcEndpoint",
          "ec2:ReleaseAddress", "ec2:ReplaceRoute", "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress",
          "ec2:UpdateSecurityGroupRuleDescriptionsEgress", "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
        ]
        resources     = local.ec2_arns
        resource_tags = of.tags
      },
      {
        sid       = "ForLoadBalancer"
        why       = "Elastic Load Balancing asks it of whoever creates a load balancer or sets its groups; it only reads"
        actions   = ["ec2:GetSecurityGroupsForVpc"]
        resources = [format(local.regional, "ec2", "vpc/*")]
      },
      {
        sid       = "NamesOfEndpoints"
        why       = "EC2 asks it of whoever creates an endpoint with private names; their zone is AWS's and has no known id"
        actions   = ["route53:AssociateVPCWithHostedZone"]
        resources = ["arn:${local.partition}:route53:::hostedzone/*"]
      },
      {
        sid = "Read"
        why = "EC2's Describe calls know no resource"
        actions = [
          "ec2:DescribeAccountAttributes", "ec2:DescribeAddresses", "ec2:DescribeAddressesAttribute",
          "ec2:DescribeAvailabilityZones", "ec2:DescribeInternetGateways", "ec2:DescribeManagedPrefixLists",
          "ec2:DescribeNatGateways", "ec2:DescribeNetworkAcls", "ec2:DescribeNetworkInterfaces", "ec2:DescribePrefixLists",
          "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
          "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs",
        ]
        resources = ["*"]
      },
    ],
  ) }
}
