"""The accounting export (GLExport): what the interface hands out for closed invoices, in its own signs and roundings.

Detail totals are credits: negative on invoices, positive on credit memos, as are product quantities. Unit prices
are rounded to the cent before export while totals stay exact, so that price times quantity need not meet the total.
"""

from collections.abc import Sequence
from typing import Final

from sandbox.connectwise.invoice_lines import ZERO, Line, cents
from sandbox.connectwise.invoices import Invoices
from sandbox.connectwise.ledger import Sections
from sandbox.connectwise.store import Record

_PRODUCTS: Final = frozenset({"RP", "AP"})


class InvoiceExport:
    """Builds the invoice part of export documents from invoices and a choice of their ledger entries."""

    def __init__(self, invoices: Invoices) -> None:
        self.invoices = invoices
        self.store = invoices.store

    def sections(self, pairs: Sequence[tuple[Record, list[Record]]]) -> Sections:
        """One transaction per invoice with its entries, and the customers they bill."""
        customers = {row["id"]: row for row in (self.invoices.bill_to(invoice) for invoice, _ in pairs)}
        return {
            "customers": [self._customer(company) for company in customers.values()],
            "transactions": [self._transaction(invoice, entries) for invoice, entries in pairs],
        }

    def _customer(self, company: Record) -> Record:
        terms = self.store.find("BillingTerm", company.get("billingTerms", {}).get("id")) or {}
        values = {
            "company": {"id": company["id"]},
            "accountNumber": company.get("accountNumber"),
            "contact": company.get("defaultContact"),
            "billingTerms": company.get("billingTerms"),
            "billingTermsXref": terms.get("termsXref"),
            "dueDays": terms.get("dueDays"),
            "taxCode": company.get("taxCode"),
            "taxable": "taxCode" in company,
            "currency": company.get("currency"),
        }
        return self.store.render("GLExportCustomer", values)

    def _transaction(self, invoice: Record, entries: list[Record]) -> Record:
        bill_to, ship_to = (
            self.invoices.bill_to(invoice),
            self.store.find("Company", invoice["shipToCompany"]["id"]),
        )
        terms = self.store.find("BillingTerm", invoice.get("billingTerms", {}).get("id")) or {}
        receivables = [entry for entry in entries if entry["type"] == "AR"]
        taxable = sum((line.amount for line in invoice["lines"] if line.taxable), ZERO)
        tax_lines: list[Line] = [line for line in invoice["lines"] if line.kind == "tax"]
        values = {
            "id": invoice["id"],
            "glClass": "Main",
            "glTypeId": "AR",
            "documentDate": invoice["date"],
            "documentNumber": invoice["invoiceNumber"],
            "documentType": document_type(invoice),
            "memo": invoice.get("reference"),
            "description": f"{invoice['type']} {invoice['invoiceNumber']}",
            "attention": invoice.get("attention"),
            "company": {"id": bill_to["id"]},
            "companyAccountNumber": bill_to.get("accountNumber"),
            "billingTerms": invoice.get("billingTerms"),
            "billingTermsXref": terms.get("termsXref"),
            "dueDays": terms.get("dueDays"),
            "dueDate": invoice.get("dueDate"),
            "agreementPrePaymentFlag": self._is_prepaid(invoice),
            "accountNumber": receivables[0]["segment1"] if receivables else None,
            "billingType": invoice["type"],
            "glEntryIds": ",".join(str(entry["id"]) for entry in receivables),
            "project": invoice.get("project"),
            "currency": invoice.get("currency"),
            "total": invoice["total"],
            "taxable": bool(taxable),
            "taxableTotal": taxable,
            "taxCode": invoice.get("taxCode"),
            "salesTax": invoice["salesTax"],
            "taxAccountNumber": tax_lines[0].account if tax_lines else None,
            "taxDpAppliedFlag": bool(invoice.get("downpaymentPreviouslyTaxedFlag")),
            "useAvalaraFlag": False,
            "sendAvalaraTaxFlag": False,
            "shipToCompany": invoice["shipToCompany"],
            "shipToCompanyAccountNumber": ship_to.get("accountNumber") if ship_to else None,
            "detail": [self._detail(invoice, entry) for entry in entries if entry["type"] != "AR"],
            "taxLevels": [
                {
                    "taxLevel": line.tax_level,
                    "taxAmount": line.amount,
                    "taxableAmount": taxable,
                    "taxCodeXref": line.tax_xref,
                }
                for line in tax_lines
            ],
        }
        return self.store.render("GLExportTransaction", values)

    def _is_prepaid(self, invoice: Record) -> bool:
        agreement = self.store.find("Agreement", invoice.get("agreement", {}).get("id"))
        return bool(agreement and self.store.get("AgreementType", agreement["type"]["id"])["prePaymentFlag"])

    def _detail(self, invoice: Record, entry: Record) -> Record:
        line: Line = entry["line"]
        values: Record = {
            "id": entry["id"],
            "documentDate": invoice["date"],
            "documentType": document_type(invoice),
            "accountNumber": entry["segment1"],
            "glClass": "Main",
            "glTypeId": entry["type"],
            "memo": line.description,
            "description": line.description,
            "total": entry["amount"],
            "cost": line.cost,
            "currency": invoice.get("currency"),
            "itemTaxableFlag": line.taxable,
            "taxableFlag": line.taxable,
        }
        if entry["type"] in _PRODUCTS:
            values |= self._product(invoice, line)
        if entry["type"] == "ST":
            values |= {"taxCode": invoice.get("taxCode"), "taxCodeXref": line.tax_xref}
        return self.store.render("GLExportTransactionDetail", values)

    def _product(self, invoice: Record, line: Line) -> Record:
        item = self.store.find("CatalogItem", line.item_id)
        quantity, price = -line.quantity, cents(line.unit_price)
        if invoice["type"] == "CreditMemo" and self.invoices.service.settings.credit_memo_negative_price:
            quantity, price = -quantity, -price
        return {
            "quantity": quantity,
            "itemPrice": price,
            "itemCost": line.cost,
            "itemDescription": line.description,
            "salesDescription": line.description,
            "product": {"id": line.id, "description": line.description},
            "item": {"id": item["id"]} if item else None,
        }


def document_type(invoice: Record) -> str:
    """The export's word for an invoice or a credit memo."""
    return "CREDIT MEMO" if invoice["type"] == "CreditMemo" else "INVOICE"
