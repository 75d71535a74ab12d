"""What authors could do better: what in a source makes its tools harder or riskier to use."""
