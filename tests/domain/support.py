"""Settings that are complete and well-formed, for tests to spoil."""

from typing import Final

SETTINGS: Final = {
    "CONNECTWISE_URL": "https://api-na.myconnectwise.net/v4_6_release/apis/3.0",
    "CONNECTWISE_COMPANY": "acme",
    "CONNECTWISE_CLIENT_ID": "00000000-0000-4000-8000-000000000000",
    "CONNECTWISE_PUBLIC_KEY": "public",
    "CONNECTWISE_PRIVATE_KEY": "private",
    "BUSINESS_CENTRAL_URL": "https://api.businesscentral.dynamics.com/v2.0/tenant/production",
    "BUSINESS_CENTRAL_COMPANY": "Northwind Services",
    "BUSINESS_CENTRAL_AUTH": "client_secret",
    "BUSINESS_CENTRAL_TENANT": "11111111-0000-4000-8000-000000000000",
    "BUSINESS_CENTRAL_CLIENT_ID": "22222222-0000-4000-8000-000000000000",
    "BUSINESS_CENTRAL_CLIENT_SECRET": "client-secret",
    "PUBLIC_URL": "https://dynaconnect.example",
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
}
