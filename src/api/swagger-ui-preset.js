// Stands in for swagger-ui-standalone-preset.js, which the page's template names: the same layout without the top bar. The
// document has a HEAD operation for each GET, for testing tools; people see one entry for each path.
function SwaggerUIStandalonePreset(system) {
  return {
    components: {
      StandaloneLayout: function StandaloneLayout(props) {
        return system.React.createElement(props.getComponent("BaseLayout", true));
      },
    },
    wrapComponents: {
      // A subclass, because Swagger UI looks for more methods of the component than render.
      OperationContainer: (Original) => class extends Original {
        render() {
          return this.props.method === "head" ? null : super.render();
        }
      },
    },
  };
}
