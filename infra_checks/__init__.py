"""Checks of the Azure infrastructure that need neither Azure nor the Bicep compiler nor a network."""
