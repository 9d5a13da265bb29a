"""Repositories lie in Amazon's registry, which holds no image here: nothing can be pushed.

With EMULATOR_REGISTRY, such as 127.0.0.1:5000, they lie in the registry at that address. An image's digest is not that of its
manifest.
"""

import hashlib
import os

from moto.ecr.models import Image, Repository
from moto.ecr.responses import ECRResponse

REGISTRY = os.environ.get("EMULATOR_REGISTRY")


def _digest(self):
    self._image_digest = "sha256:" + hashlib.sha256(self.image_manifest.encode()).hexdigest()


def apply():
    Image._create_digest = _digest
    if not REGISTRY:
        return

    init, get_token = Repository.__init__, ECRResponse.get_authorization_token

    def init_in_registry(self, *args, **kwargs):
        init(self, *args, **kwargs)
        self.uri = f"{REGISTRY}/{self.name}"

    def get_token_for_registry(self):
        answer = get_token(self)
        data = answer._result if hasattr(answer, "_result") else answer.result
        for token in data["authorizationData"]:
            token["proxyEndpoint"] = f"http://{REGISTRY}"
        return answer

    Repository.__init__, ECRResponse.get_authorization_token = init_in_registry, get_token_for_registry
