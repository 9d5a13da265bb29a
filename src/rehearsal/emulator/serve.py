"""An AWS emulator for the tests: moto's server, with the gaps filled that stop the real Terraform provider.

    python serve.py PORT CONNECTIONS_PORT

Everything is in memory and ends with the process. Each module beside this one patches one service, and says what fails
without it. What a patch only gives back is weak evidence that AWS would have kept it.
"""

import sys
import threading

import autoscaling
import cloudwatch
import codebuild
import codepipeline
import connections
import ec2
import ecr
import ecs
import elb
import events
import kms
import logs
import permissions
import policy_sizes
import route53
import s3
import service_linked_roles
import task_definitions
from moto.server import main

PATCHES = (
    autoscaling,
    cloudwatch,
    codebuild,
    codepipeline,
    ec2,
    ecr,
    ecs,
    elb,
    events,
    kms,
    logs,
    permissions,
    policy_sizes,
    route53,
    s3,
    service_linked_roles,
    task_definitions,
)

if __name__ == "__main__":
    port, connections_port = sys.argv[1:]

    for patch in PATCHES:
        patch.apply()

    threading.Thread(target=connections.serve, args=(int(connections_port),), daemon=True).start()
    main(["-H", "127.0.0.1", "-p", port])
