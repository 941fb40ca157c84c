"""A session, or several, as one HTML file that needs nothing else.

Plots are drawn by Plotly (MIT). Beside D3 or Vega it draws parallel coordinates and heat maps of
itself, and tens of thousands of points by WebGL; beside ECharts, which is smaller, it comes as a
package from PyPI, so that an extra can name it and nothing is fetched when a report is made. Its
JavaScript is 1.9 MB of the file when compressed.
"""
