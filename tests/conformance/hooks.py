"""Serves the product's hook functions over HTTP, so that both stand-ins reach them as they would in Azure."""

from typing import Any

import azure.functions as func
from aiohttp import web

from shared.triggers.hooks import business_central_hook, connectwise_hook


def application() -> web.Application:
    """The two hook routes; they work on the app of this process."""
    app = web.Application()
    app.router.add_post("/api/hooks/connectwise/{connection}", _bridge(connectwise_hook))
    app.router.add_route("*", "/api/hooks/business-central/{connection}", _bridge(business_central_hook))
    return app


def _bridge(function: Any) -> Any:
    async def handle(request: web.Request) -> web.Response:
        answer: func.HttpResponse = await function(
            func.HttpRequest(
                request.method,
                str(request.url),
                headers=dict(request.headers),
                params=dict(request.query),
                route_params=dict(request.match_info),
                body=await request.read(),
            )
        )
        return web.Response(
            body=answer.get_body(), status=answer.status_code, content_type=answer.mimetype or "text/plain"
        )

    return handle
