"""Reports over HTTP, with a function key: recurring revenue by agreement, missing dimension values."""

import azure.functions as func

from shared.domain.records import DEFAULT
from shared.triggers.answers import guarded, json_answer
from shared.triggers.process import get_app

blueprint: func.Blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("agreement_report")
@blueprint.route("agreements", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def agreement_report(req: func.HttpRequest) -> func.HttpResponse:
    """Every agreement with what recurs and what was invoiced for it, and the sums by currency."""

    async def answer() -> func.HttpResponse:
        from shared.engine.kinds.agreements import AgreementReport

        app = await get_app()
        report = AgreementReport(app.connections, app.store, app.clock)
        return json_answer(await report.read(req.params.get("connection", DEFAULT)))

    return await guarded(answer)


@blueprint.function_name("missing_dimensions")
@blueprint.route("dimensions/missing", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def missing_dimensions(req: func.HttpRequest) -> func.HttpResponse:
    """The dimension values that Business Central lacks, and the records that need them."""

    async def answer() -> func.HttpResponse:
        from shared.engine.kinds.missing import MissingDimensions

        app = await get_app()
        report = MissingDimensions(app.connections, app.registry, app.store)
        return json_answer(await report.read(req.params.get("connection", DEFAULT)))

    return await guarded(answer)
