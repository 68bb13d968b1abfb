import com.amazonaws.services.dynamodbv2.local.server.DynamoDBProxyServer;
import com.amazonaws.services.dynamodbv2.local.server.LocalDynamoDBRequestHandler;
import com.amazonaws.services.dynamodbv2.local.server.LocalDynamoDBServerHandler;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

/** Amazon's DynamoDB Local, in memory, on a free port of the loopback interface. Its own launcher listens on all interfaces. */
public class LoopbackServer {
  public static void main(String[] arguments) throws Exception {
    var engine = new LocalDynamoDBRequestHandler(0, true, null, true, false);
    var handler = new LocalDynamoDBServerHandler(engine, null);
    var server = new Server(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    server.setHandler(new DynamoDBProxyServer(0, handler).setUpHandler(handler));
    server.start();
    System.out.println("http://127.0.0.1:" + ((ServerConnector) server.getConnectors()[0]).getLocalPort());
    System.in.transferTo(java.io.OutputStream.nullOutputStream()); // until the parent process ends
    System.exit(0);
  }
}
